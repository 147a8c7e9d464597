import asyncio
import json
from collections.abc import AsyncIterator
from time import monotonic
from typing import Any
from uuid import UUID, uuid4

import pytest

from chassis.inbox.rejections import PER_MINUTE
from contracts.feed import ConsentWithdrawn, DossierDisclosed, FeedTrimmed, RequestRefused
from tests.intake.rooms import SHELTER, YES, Case, Room, groups_of, offered, open_room
from tests.parts import Site, until

pytestmark = pytest.mark.share("sealed")
DANGER = {"ground": "vital_interest", "recipient_kind": "shelter"}


@pytest.fixture
async def room(site: Site) -> AsyncIterator[Room]:
    async with open_room(site) as opened:
        yield opened


async def erased(room: Room) -> None:
    """Wait until nothing is left that a withdrawal wants out of the feeds."""
    query = (
        "select count(*) from intake.outbox where withdrawn_at is not null and erased_at is null"
    )

    async def is_done() -> bool:
        return (await room.site.rows(query)) == [(0,)]

    await until(is_done, seconds=5)


async def sent(room: Room) -> None:
    """Wait until the relay has carried everything."""
    query = "select count(*) from intake.outbox where sent_at is null and erased_at is null"

    async def is_done() -> bool:
        return (await room.site.rows(query)) == [(0,)]

    await until(is_done)


async def said(room: Room, name: str) -> list[dict[str, Any]]:
    """The bodies of intake's own events of this name."""
    rows = await room.site.rows(
        "select convert_from(body, 'UTF8') from intake.outbox where name = :name"
        " and organisation is null order by position",
        name=name,
    )
    return [json.loads(body) for (body,) in rows]


async def test_a_withdrawal_takes_the_disclosure_out_of_the_feed_and_the_recipient_hears_so(
    room: Room,
) -> None:
    case = await room.register()
    referral_id = await room.accepted(case)
    await sent(room)
    before = monotonic()

    answer = await room.withdraw(case, recipient_kind="shelter")

    assert (answer.status_code, answer.json()["told"]) == (201, [SHELTER])
    await erased(room)
    assert monotonic() - before < 5
    trimmed, withdrawn = [message for _, message in await room.feed()]
    assert trimmed == FeedTrimmed(numbers=(1,))
    assert withdrawn == ConsentWithdrawn(
        withdrawal_id=UUID(answer.json()["decision_id"]), referral_id=referral_id
    )
    assert [one[3] for one in await room.receipts(referral_id)] == [False]
    ((body, headers),) = await room.site.rows(
        "select body, headers from intake.outbox where name = 'dossier.disclosed'"
    )
    assert (body, headers) == (None, None)


async def test_a_no_counts_though_the_yes_came_by_a_clock_that_was_a_day_ahead(room: Room) -> None:
    case = await room.register()
    referral_id = await room.accepted(case)
    ahead = "update intake.cases set registered_at = registered_at + interval '1 day'"
    await room.site.run(ahead)

    answer = await room.withdraw(case, recipient_kind="shelter")

    assert (answer.status_code, answer.json()["told"]) == (201, [SHELTER])
    assert [one[3] for one in await room.receipts(referral_id)] == [False]


async def test_what_another_ground_carries_stays_in_the_feed(room: Room) -> None:
    case = await room.register(grounds=[DANGER])
    referral_id = await room.accepted(case)
    await sent(room)

    await room.withdraw(case, recipient_kind="shelter")
    await erased(room)

    found = await room.feed()
    kept = [(one, m) for one, m in found if isinstance(m, DossierDisclosed)]
    assert [m.ground for _, m in kept] == ["vital_interest"]
    assert groups_of(room.opened(*kept[0])) == "G2 G5 G7"
    (notice,) = [m for _, m in found if isinstance(m, ConsentWithdrawn)]
    assert notice.kept == ("vital_interest",)
    open_now = {ground: is_open for _, ground, _, is_open in await room.receipts(referral_id)}
    assert open_now == {"vital_interest": True, "consent": False}


@pytest.mark.parametrize(
    "scope",
    [{"recipient_kind": "health"}, {"organisation": "POLICE_A"}, {"purpose": "legal_aid"}],
    ids=lambda scope: next(iter(scope)),
)
async def test_a_withdrawal_about_somebody_else_takes_nothing(
    room: Room, scope: dict[str, str]
) -> None:
    case = await room.register()
    referral_id = await room.accepted(case)

    answer = await room.withdraw(case, **scope)

    assert answer.json()["told"] == []
    assert [m.name for _, m in await room.feed()] == ["dossier.disclosed"]
    assert [one[3] for one in await room.receipts(referral_id)] == [True]


async def test_another_persons_disclosure_to_the_same_recipient_stays(room: Room) -> None:
    hers, anothers = await room.register(), await room.register()
    await room.accepted(hers)
    kept = await room.accepted(anothers)
    await sent(room)

    await room.withdraw(hers)
    await erased(room)

    disclosed = [m for _, m in await room.feed() if isinstance(m, DossierDisclosed)]
    assert [m.referral_id for m in disclosed] == [kept]


async def test_each_decision_is_an_event_that_says_what_it_was(room: Room) -> None:
    case = await room.register(consent=[{"recipient_kind": "shelter", **YES}])
    path = f"/cases/{case.number}/consents"
    no = {"state": "refused", "by": "person"}

    await room.post(path, {"recipient_kind": "health", **YES})
    await room.post(path, {"recipient_kind": "health", **no})
    await room.post(path, {"recipient_kind": "justice", **no})
    await room.withdraw(case, recipient_kind="shelter")

    given, changed, withdrawn = [
        [one["line"]["recipient_kind"] for one in await said(room, f"consent.{name}")]
        for name in ("given", "changed", "withdrawn")
    ]
    assert (given, changed, withdrawn) == (["health"], ["health", "justice"], ["shelter"])


async def test_the_owner_sees_every_line_in_order_and_nobody_else_does(room: Room) -> None:
    case = await room.register(consent=[{"recipient_kind": "shelter", **YES}])
    await room.withdraw(case, recipient_kind="shelter", purpose="care")

    answer = await room.desk.get(f"/cases/{case.number}/consents")

    lines = [(one["recipient_kind"], one["purpose"], one["state"], one["by"])
             for one in answer.json()["consents"]]  # fmt: skip
    assert lines == [
        ("shelter", None, "given", "person"),
        ("shelter", "care", "refused", "person"),
    ]
    assert (await room.desk.get(f"/cases/{case.number}/consents", SHELTER)).status_code == 404
    forged = await room.post(f"/cases/{case.number}/consents", {**YES}, SHELTER)
    assert forged.status_code == 404


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"recipient_kind": "witch", **YES}, "recipient_kind"),
        ({"purpose": "gossip", **YES}, "purpose"),
        ({"organisation": "no code at all", **YES}, "organisation"),
        ({"state": "given"}, "by"),
        ({**YES, "note": "she whispered"}, "*"),
    ],
)
async def test_an_unknown_code_or_field_is_refused_by_name(
    room: Room, body: dict[str, str], field: str
) -> None:
    case = await room.register()

    answer = await room.post(f"/cases/{case.number}/consents", body)

    assert answer.status_code == 422
    assert answer.json()["errors"][0]["field"] == field
    assert not any(value in answer.text for value in ("witch", "gossip", "whisper"))
    assert await room.desk.count("consents") == 0


async def test_a_withdrawal_is_open_until_the_recipient_confirms_it(room: Room) -> None:
    case = await room.register()
    referral_id = await room.accepted(case)
    withdrawal_id = UUID((await room.withdraw(case)).json()["decision_id"])

    (open_one,) = (await room.desk.get("/acknowledgements")).json()["acknowledgements"]
    assert (open_one["number"], open_one["organisation"]) == (case.number, SHELTER)
    assert 0 <= open_one["age_seconds"] < 60
    assert (await room.desk.get("/acknowledgements", SHELTER)).json()["acknowledgements"] == []

    await room.acknowledge(withdrawal_id, referral_id)
    await room.acknowledge(withdrawal_id, referral_id)

    async def is_confirmed() -> bool:
        return not (await room.desk.get("/acknowledgements")).json()["acknowledgements"]

    await until(is_confirmed)
    await asyncio.sleep(0.5)
    confirmed = await said(room, "consent.acknowledged")
    assert [one["referral_id"] for one in confirmed] == [str(referral_id)]


async def test_a_confirmation_of_what_nobody_was_told_is_refused(room: Room) -> None:
    case = await room.register()
    referral_id = await room.accepted(case)

    await room.acknowledge(uuid4(), referral_id)

    async def refusals() -> list[RequestRefused]:
        found = [message for _, message in await room.feed()]
        return [one for one in found if isinstance(one, RequestRefused)]

    (refused,) = await until(refusals)
    assert refused.request_type == "consent.acknowledge"


async def test_confirmations_of_nothing_are_refused_sixty_times_a_minute_and_then_as_a_number(
    room: Room,
) -> None:
    sent = 2 * PER_MINUTE + 5  # two minutes at most: the count starts anew with each
    for _ in range(sent):
        await room.acknowledge(uuid4(), uuid4())

    async def all_counted() -> bool:
        ((taken,),) = await room.site.rows("select count(*) from intake.inbox")
        return bool(taken == sent)

    await until(all_counted)
    await room.site.run("update intake.refusals set minute = minute - interval '1 hour'")
    found: list[RequestRefused] = []

    async def all_told() -> bool:
        found.extend(m for _, m in await room.feed() if isinstance(m, RequestRefused))
        return sum(one.count for one in found) == sent

    await until(all_told)
    assert {(one.reason, one.field) for one in found} == {("unknown_referral", "withdrawal_id")}
    assert PER_MINUTE < len(found) <= 2 * PER_MINUTE + 2


async def test_refusing_again_tells_nobody_twice(room: Room) -> None:
    case = await room.register()
    await room.accepted(case)

    told = [(await room.withdraw(case)).json()["told"] for _ in (1, 2)]

    assert told == [[SHELTER], []]


async def test_an_offer_not_yet_accepted_is_withdrawn_from_too(room: Room) -> None:
    case = await room.register()
    await offered_only(room, case)

    assert (await room.withdraw(case)).json()["told"] == [SHELTER]


async def offered_only(room: Room, case: Case) -> None:
    said = {
        "referral_id": uuid4(),
        "organisation": SHELTER,
        "organisation_kind": "shelter",
        "service": "shelter",
    }
    await room.says(case, offered(said))

    async def is_known() -> bool:
        return bool(await room.desk.count("steps"))

    await until(is_known)
