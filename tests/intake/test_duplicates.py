import asyncio
from collections.abc import AsyncIterator
from datetime import UTC, date, datetime
from typing import Any
from uuid import UUID, uuid4

import pytest

from contracts.feed import ConsentWithdrawn
from tests.intake.erasures import add_committee, agreed, asked, erase, taken_out
from tests.intake.pairs import (
    ANOTHER,
    GIRL,
    POLICE,
    SPELT_AGAIN,
    SPELT_OTHERWISE,
    STRANGER,
    Twice,
    listed,
    merged,
    owners,
    pair_of,
    register,
    registered_twice,
    says,
    searched,
    told,
    unmerged,
)
from tests.intake.rooms import SHELTER, Room, open_room
from tests.intake.test_erasing import held_anywhere
from tests.parts import Site

pytestmark = pytest.mark.share("sealed")


@pytest.fixture
async def room(site: Site) -> AsyncIterator[Room]:
    async with open_room(site) as opened:
        await add_committee(opened.desk)
        yield opened


@pytest.fixture
async def twice(room: Room) -> Twice:
    return await registered_twice(room)


async def test_both_owners_are_shown_a_candidate_and_nobody_else_is(twice: Twice) -> None:
    room = twice.room
    await register(room, ANOTHER, STRANGER)
    await searched(room)

    (ours,), (theirs,) = await listed(room, POLICE), await listed(room, SHELTER)

    assert (ours["numbers"], ours["other"]) == ([twice.first.number], SHELTER)
    assert (theirs["numbers"], theirs["other"]) == ([twice.second.number], POLICE)
    for shown in (ours, theirs):
        assert (shown["kind"], shown["we_said"], shown["they_said"]) == ("exact", None, None)
        assert set(shown["agreed"]) == {
            "given_name", "family_name", "birth_year", "sex", "mother_name",
        }  # fmt: skip
    assert await listed(room, STRANGER) == []
    looks = await room.site.rows(
        "select organisation, shown from intake.audit where action = 'duplicates' order by at"
    )
    assert looks == [(POLICE, 1), (SHELTER, 1), (STRANGER, 0)]


async def test_somebody_else_s_pair_and_none_look_the_same(twice: Twice) -> None:
    room = twice.room
    answers = [
        await act
        for pair_id in (twice.pair_id, uuid4())
        for act in (says(room, pair_id, STRANGER, yes=True), unmerged(room, pair_id, STRANGER))
    ]

    assert {one.status_code for one in answers} == {404}
    assert len({one.text for one in answers}) == 1
    assert await room.desk.count("duplicate_decisions") == 0
    looks = await room.site.rows(
        "select outcome, case_id from intake.audit where action like 'duplicate.%'"
    )
    assert looks == [("not_found", None)] * 4


async def told_since(room: Room, begun: date) -> list[tuple[str, UUID, dict[str, Any]]]:
    """What was told, each with a day from then to now, which is left out: midnight may come between."""
    heard = await told(room)
    for name, _, body in heard:
        day = date.fromisoformat(body.pop(f"{name.removeprefix('case.')}_on"))
        assert begun <= day <= datetime.now(UTC).date()
    return heard


async def test_one_yes_merges_nothing_and_both_merge_into_the_earlier_case(twice: Twice) -> None:
    room, first, second = twice.room, twice.first, twice.second
    referral_id = await room.accepted(second)

    half = await says(room, twice.pair_id, SHELTER, yes=True)
    assert half.json() == {"pair_id": str(twice.pair_id), "state": "open"}
    assert await owners(room, first, second) == [POLICE, SHELTER]
    (shown,) = await listed(room, POLICE)
    assert (shown["we_said"], shown["they_said"]) == (None, True)

    begun = datetime.now(UTC).date()
    await merged(room, twice.pair_id, POLICE)

    assert await owners(room, first, second) == [POLICE, POLICE]
    into = {"into": str(first.id), "owner": POLICE}
    assert await told_since(room, begun) == [("case.merged", second.id, into)]
    root = (await room.desk.get(f"/cases/{first.number}")).json()
    assert (root["merged"], root["merged_into"]) == ([second.number], None)
    assert {one["referral_id"] for one in root["steps"]} == {str(referral_id)}
    looks = await room.site.rows(
        "select case_id, parts from intake.audit where action = 'case' order by at"
    )
    assert looks == [(first.id, "facts steps"), (second.id, "steps")]
    below = (await room.desk.get(f"/cases/{second.number}")).json()
    assert (below["merged"], below["merged_into"]) == ([], first.number)
    assert (await room.desk.get(f"/cases/{second.number}", SHELTER)).status_code == 404
    assert await listed(room, POLICE) == []
    (still,) = await listed(room, SHELTER, "merged")
    assert (still["numbers"], still["other"]) == ([], POLICE)


async def test_a_no_dismisses_and_may_be_changed_until_the_cases_are_merged(twice: Twice) -> None:
    room, pair_id = twice.room, twice.pair_id
    await says(room, pair_id, POLICE, yes=True)
    no = await says(room, pair_id, SHELTER, yes=False)
    assert no.json()["state"] == "dismissed"
    assert await listed(room, POLICE) == []
    assert len(await listed(room, POLICE, "dismissed")) == 1

    await merged(room, pair_id, SHELTER)
    await merged(room, pair_id, POLICE)
    late = await says(room, pair_id, POLICE, yes=False)
    former = await says(room, pair_id, SHELTER, yes=False)

    assert (late.status_code, late.json()["code"]) == (409, "merged")
    assert (former.status_code, former.json()["code"]) == (403, "not_owner")
    assert len(await told(room)) == 1


async def test_both_sides_can_undo_a_merge_and_each_has_its_own_again(twice: Twice) -> None:
    room = twice.room
    early = await unmerged(room, twice.pair_id, POLICE)
    assert (early.status_code, early.json()["code"]) == (409, "not_merged")

    begun = datetime.now(UTC).date()
    for code in (POLICE, SHELTER):
        await merged(room, twice.pair_id, SHELTER, POLICE)
        assert (await unmerged(room, twice.pair_id, code)).json()["state"] == "dismissed"
        assert await owners(room, twice.first, twice.second) == [POLICE, SHELTER]
        assert (await room.desk.get(f"/cases/{twice.first.number}")).json()["merged"] == []
        assert (await room.desk.get(f"/cases/{twice.second.number}", SHELTER)).status_code == 200
        assert (await unmerged(room, twice.pair_id, code)).status_code == 409

    out = {"out_of": str(twice.first.id), "owner": SHELTER}
    assert (await told_since(room, begun))[1::2] == [("case.unmerged", twice.second.id, out)] * 2


async def test_a_chain_of_three_has_one_owner_and_comes_apart_where_it_is_undone(
    twice: Twice,
) -> None:
    room, one, two = twice.room, twice.first, twice.second
    three = await register(room, SPELT_AGAIN, STRANGER)
    far, near = await pair_of(room, one, three), await pair_of(room, two, three)
    await merged(room, near, SHELTER, STRANGER)
    assert await owners(room, one, two, three) == [POLICE, SHELTER, SHELTER]
    await merged(room, twice.pair_id, SHELTER, POLICE)
    assert await owners(room, one, two, three) == [POLICE] * 3
    assert (await room.desk.get(f"/cases/{one.number}")).json()["merged"] == sorted(
        [two.number, three.number]
    )
    await merged(room, far, POLICE)  # the same person already: nothing is left to do
    moves = [(case, body["into"], body["owner"]) for _, case, body in await told(room)]
    assert moves[0] == (three.id, str(two.id), SHELTER)
    assert sorted(moves[1:], key=str) == sorted(
        [(two.id, str(one.id), POLICE), (three.id, str(one.id), POLICE)], key=str
    )

    assert (await unmerged(room, far, POLICE)).json()["code"] == "not_merged"
    assert (await unmerged(room, twice.pair_id, STRANGER)).status_code == 404
    assert (await unmerged(room, twice.pair_id, SHELTER)).status_code == 200

    assert await owners(room, one, two, three) == [POLICE, SHELTER, SHELTER]
    assert {(name, case, body.get("into")) for name, case, body in (await told(room))[3:]} == {
        ("case.unmerged", two.id, None),
        ("case.merged", three.id, str(two.id)),
    }
    assert {pair["pair_id"] for pair in await listed(room, SHELTER)} == {str(far)}


async def test_of_two_who_say_yes_at_once_the_second_merges_and_nothing_is_said_twice(
    twice: Twice,
) -> None:
    room = twice.room
    answers = await asyncio.gather(
        *(says(room, twice.pair_id, code, yes=True) for code in (POLICE, SHELTER) * 3)
    )

    assert {one.status_code for one in answers} <= {200, 403}
    assert "merged" in {one.json().get("state") for one in answers}
    assert len(await told(room)) == 1
    assert await owners(room, twice.first, twice.second) == [POLICE, POLICE]


async def test_an_owner_of_both_merges_them_alone_and_a_no_about_one_counts_for_the_other(
    room: Room,
) -> None:
    yes = {"consent": [{"recipient_kind": "shelter", "state": "given", "by": "person"}]}
    twice = await registered_twice(room, POLICE, age_band="18-24", **yes)
    referrals = [await room.accepted(case) for case in (twice.first, twice.second)]
    (shown,) = await listed(room, POLICE)
    assert sorted(shown["numbers"]) == sorted([twice.first.number, twice.second.number])
    assert shown["other"] is None
    await merged(room, twice.pair_id, POLICE)
    await taken_out(room.desk)

    answer = await room.withdraw(twice.second, recipient_kind="shelter")

    assert answer.json()["told"] == [SHELTER]
    for referral_id in referrals:
        assert [one[3] for one in await room.receipts(referral_id)] == [False]
    heard = [m for _, m in await room.feed() if isinstance(m, ConsentWithdrawn)]
    assert {one.referral_id for one in heard} == set(referrals)
    assert len({one.withdrawal_id for one in heard}) == 2


async def test_erasing_one_case_erases_its_person_who_is_never_found_again(twice: Twice) -> None:
    room = twice.room
    await merged(room, twice.pair_id, POLICE, SHELTER)
    await erase(room.desk, twice.second.number)

    rows = await room.site.rows(
        "select subject from intake.outbox where name = 'case.erased' order by subject"
    )
    assert rows == sorted([(str(twice.first.id),), (str(twice.second.id),)])
    for case in (twice.first, twice.second):
        assert await held_anywhere(room, case.number) == []
    assert await room.desk.count("fingerprints") == 0
    assert await room.site.rows("select kind, agreed from intake.duplicates") == [(None, [])]
    assert await listed(room, POLICE, "merged") == []
    assert (await unmerged(room, twice.pair_id, POLICE)).status_code == 404

    await register(room, GIRL, STRANGER)
    await searched(room)
    assert await room.desk.count("duplicates") == 1


async def test_who_has_lost_a_case_to_a_merge_cannot_have_it_erased(twice: Twice) -> None:
    room = twice.room
    asking = await asked(room.desk, twice.second.number, f"{SHELTER}/s-1")
    await merged(room, twice.pair_id, POLICE, SHELTER)

    late = await agreed(room.desk, asking)

    assert (late.status_code, late.json()["code"]) == (409, "settled")
    assert (await room.desk.get(f"/cases/{twice.first.number}")).status_code == 200


async def test_what_nobody_has_searched_for_is_found_after_a_restart(site: Site) -> None:
    async with open_room(site) as room:
        first = await register(room, GIRL)
        await searched(room)
        await site.run("revoke select on intake.new_fingerprints from intake_work")
        second = await register(room, SPELT_OTHERWISE, SHELTER)
        assert await listed(room, POLICE) == []
    await site.run("grant select on intake.new_fingerprints to intake_work")
    await site.run("truncate intake.organisations, intake.organisation_keys")

    async with open_room(site) as again:
        assert isinstance(await pair_of(again, first, second), UUID)
