"""A case that four organisations have to do with, a threat on it, and who hears."""

import asyncio
import json
from collections.abc import Mapping
from typing import Any
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncConnection

from chassis.pseudonyms import FeedKey
from contracts.reports import ReportThreat
from services.referral.store import referrals
from services.referral.use_cases.announcing import Announcer, Cause
from services.referral.use_cases.following_threats import Threat, follow_threats, hold_threatened
from services.referral.use_cases.joining import join_persons
from services.referral.use_cases.refusing import Refused
from tests.asked import a_request
from tests.builders import an_organisation
from tests.referral.offices import KEY, Office, an_answer, an_asking

NEEDS = {
    "age_band": "25-34",
    "needs": ("shelter", "health", "legal_aid"),
    "safety": ("do_not_visit",),
    "consent": [
        {"recipient_kind": kind, "state": "given", "by": "person"}
        for kind in ("shelter", "health", "justice")
    ],
}
DIRECTORY = (
    an_organisation("POLICE_A", "police", "immediate_safety"),
    an_organisation("SHELTER_B", "shelter", "shelter"),
    an_organisation("SHELTER_C", "shelter", "shelter"),
    an_organisation("CLINIC_H", "health", "health"),
    an_organisation("COURT_J", "justice", "legal_aid"),
)


async def a_case_of_four(office: Office) -> UUID:
    """POLICE_A's case; SHELTER_B and COURT_J have taken the person on, CLINIC_H has only been asked."""
    await office.publish(*DIRECTORY)
    (case_id,) = await office.offer(NEEDS)
    for code in ("SHELTER_B", "COURT_J"):
        await office.answer(an_answer(code, await office.open_offer(code), "accept"))
    return case_id


def a_threat(**changes: Any) -> ReportThreat:
    report = a_request("threat.report", **changes)
    assert isinstance(report, ReportThreat)
    return report


async def told(office: Office) -> dict[str, dict[str, Any]]:
    """What each organisation hears of threats; at most once."""
    rows = await office.rows(
        "select organisation, convert_from(body, 'UTF8') from outbox"
        " where name = 'threat.reported' and stream = 'OUT'"
    )
    found = {code: json.loads(body) for code, body in rows}
    assert len(found) == len(rows)
    return found


async def warned(office: Office, organisation: str, report: ReportThreat) -> list[Refused]:
    """This organisation reports a threat; what was refused."""
    async with office.engine.begin() as connection:
        announcer = await office._announcer(connection)
        return await warn(connection, organisation, report, announcer=announcer)


async def warn(
    connection: AsyncConnection, organisation: str, report: ReportThreat, *, announcer: Announcer
) -> list[Refused]:
    """As the consumer does it; what was refused."""
    kind = announcer.kind_of(organisation)
    threat = Threat(asked=an_asking(organisation, report), report=report, kind=kind)
    await hold_threatened(connection, [threat], besides=(), announcer=announcer)
    refused, _ = await follow_threats(connection, [threat], announcer=announcer)
    return refused


async def declined_while_warned(office: Office) -> asyncio.Task[Any]:
    """SHELTER_B's no to POLICE_A's case, begun before a threat against its person is committed."""
    await office.publish(*DIRECTORY)
    (case_id,) = await office.offer(NEEDS | {"needs": ("shelter",)})
    report = a_threat(referral_id=None, case=FeedKey.of(KEY, "POLICE_A").subject(case_id))
    no = an_answer("SHELTER_B", await office.open_offer("SHELTER_B"), "decline")
    async with office.engine.begin() as connection:
        announcer = await office._announcer(connection)
        assert await warn(connection, "POLICE_A", report, announcer=announcer) == []
        running = asyncio.create_task(office.answer(no))
        await asyncio.wait([running], timeout=0.5)
        return running


async def known(office: Office, case_id: UUID) -> dict[str, Any]:
    """What is known of a case."""
    async with office.engine.begin() as connection:
        return (await referrals.known_cases(connection, [case_id]))[case_id].facts


async def merged(office: Office, above: Mapping[UUID, UUID | None]) -> None:
    """Persons of cases count under others from now on; POLICE_A's, all of them."""
    async with office.engine.begin() as connection:
        announcer = await office._announcer(connection)
        said = {case_id: (into, Cause()) for case_id, into in above.items()}
        owners = dict.fromkeys(above, "POLICE_A")
        await join_persons(connection, owners, merged=said, announcer=announcer)


async def merged_after_a_threat(office: Office) -> UUID:
    """SHELTER_C's referral of another case, whose person turns out to be the one threatened before."""
    threatened = await a_case_of_four(office)
    (other,) = await office.offer(NEEDS | {"needs": ("shelter",)})
    await office.answer(an_answer("SHELTER_B", await office.open_offer("SHELTER_B"), "decline"))
    theirs = await office.open_offer("SHELTER_C")
    own = FeedKey.of(KEY, "POLICE_A").subject(threatened)
    await warned(office, "POLICE_A", a_threat(referral_id=None, case=own))
    await merged(office, {other: threatened})
    return theirs
