"""The owner sees who warned of what, and each case of the person is at high risk."""

from collections.abc import AsyncIterator
from typing import Any

import pytest

from contracts.threats import ThreatReported
from tests.builders import TODAY
from tests.intake.pairs import GIRL, POLICE, SPELT_OTHERWISE, merged, pair_of, register, unmerged
from tests.intake.rooms import SHELTER, Case, Room, open_room
from tests.parts import Site, until

pytestmark = pytest.mark.share("lifecycle")
THREAT = ThreatReported(
    organisation=SHELTER,
    organisation_kind="shelter",
    threat="search",
    threat_source="armed_group",
    urgency="vital_1h",
    on=TODAY,
    safety=("do_not_call",),
)


@pytest.fixture
async def room(site: Site) -> AsyncIterator[Room]:
    async with open_room(site) as opened:
        yield opened


async def view(room: Room, case: Case, code: str = POLICE) -> dict[str, Any]:
    found: dict[str, Any] = (await room.desk.get(f"/cases/{case.number}", code)).json()
    return found


async def test_a_threat_is_shown_to_the_owner_and_heeded_in_every_case_of_the_person(
    room: Room,
) -> None:
    first = await register(room, GIRL, safety=["do_not_visit"])
    second = await register(room, SPELT_OTHERWISE)
    await merged(room, await pair_of(room, first, second), POLICE)

    await room.says(second, THREAT)
    await until(lambda: room.site.rows("select 1 from intake.threats"))

    shown = await view(room, first)
    (threat,) = shown["threats"]
    assert (threat["organisation"], threat["threat"], threat["threat_source"]) == (
        SHELTER, "search", "armed_group",
    )  # fmt: skip
    assert (shown["facts"]["risk"], sorted(shown["facts"]["safety"])) == (
        "high", ["do_not_call", "do_not_visit"],
    )  # fmt: skip
    assert (await view(room, second))["facts"]["risk"] == "high"
    assert (await room.desk.get(f"/cases/{first.number}", SHELTER)).status_code == 404


async def test_an_owner_that_may_not_know_where_a_threat_comes_from_sees_that_there_is_one(
    room: Room,
) -> None:
    await room.knows(POLICE, "health", "nats")
    case = await register(room, GIRL)

    await room.says(case, THREAT)
    await until(lambda: room.site.rows("select 1 from intake.threats"))

    (threat,) = (await view(room, case))["threats"]
    assert (threat["threat"], threat["threat_source"]) == ("search", None)


async def test_a_threat_of_before_a_merge_counts_in_both_cases_until_the_merge_is_undone(
    room: Room,
) -> None:
    first = await register(room, GIRL, safety=["do_not_visit"])
    second = await register(room, SPELT_OTHERWISE)
    await room.says(second, THREAT)
    await until(lambda: room.site.rows("select 1 from intake.threats"))
    before = (await view(room, first))["facts"]
    assert before["risk"] != "high"

    pair_id = await pair_of(room, first, second)
    await merged(room, pair_id, POLICE)
    shown = await view(room, first)
    assert [one["threat"] for one in shown["threats"]] == ["search"]
    assert (shown["facts"]["risk"], sorted(shown["facts"]["safety"])) == (
        "high", ["do_not_call", "do_not_visit"],
    )  # fmt: skip
    assert (await unmerged(room, pair_id, POLICE)).status_code == 200

    shown = await view(room, first)
    assert (shown["threats"], shown["facts"]) == ([], before)
    shown = await view(room, second)
    assert (len(shown["threats"]), shown["facts"]["risk"]) == (1, "high")
