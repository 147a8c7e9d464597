"""The whole way of a case that a partner's own system reports, with real processes, to its erasure."""

import asyncio
import json
from datetime import UTC, datetime
from typing import Any, ClassVar
from uuid import UUID, uuid4

import httpx
import pytest

from contracts.callers import issue_token
from contracts.feed import (
    Accepted,
    CaseRegistered,
    DossierDisclosed,
    FeedTrimmed,
    MessageRejected,
    Offer,
)
from contracts.form import CaseSubmission, SuspectIdentity, ThreatDetails
from contracts.keyring import generate_sealing_key
from contracts.reports import ReportCase, ReportSuspect, ReportThreat, place_of_report
from contracts.requests import Request
from contracts.sealing import seal
from contracts.topology import ingress_stream
from deploy.keys import PROVISIONER, seed_file
from partners.kit import Partner
from partners.kit.keys import load_platform
from tests.asked import a_request
from tests.contracts.letters import public
from tests.journeys.road import Road, running_road
from tests.journeys.test_disclosure import (
    BODY,
    POLICE,
    SHELTER,
    Agency,
    agencies,
    shown,
)
from tests.trust.load import come_to_rest
from tests.trust.streams import read_streams

pytestmark = [pytest.mark.connected, pytest.mark.share("partners"), pytest.mark.timeout(240)]
COMMITTEE = "CNLTPPA"
FORM = CaseSubmission.model_validate(BODY)


class InClear(Request):
    """What a program sends that has not understood: the form itself, where the sealed part belongs."""

    name: ClassVar[str] = "case.report"

    report_id: UUID
    sealed: dict[str, Any]


async def send(road: Road, request: Request) -> UUID:
    """As the police's own system, whose other half listens."""
    async with Partner.open(road.folder(POLICE), url=road.platform.nats_url) as partner:
        return (await partner.send(request)).id


async def reported(road: Road, report_id: UUID) -> UUID:
    """Sealed by the kit, to the key that it knows by itself."""
    async with Partner.open(road.folder(POLICE), url=road.platform.nats_url) as partner:
        request = partner.sealed_report(FORM, report_id)
        return (await partner.send(request)).id


def heard(agency: Agency, kind: type[Any]) -> list[Any]:
    return [one.message for one in agency.seen if isinstance(one.message, kind)]


async def test_a_reported_case_goes_its_way_and_when_it_is_erased_nothing_sealed_is_left() -> None:
    async with (
        running_road((POLICE, SHELTER, COMMITTEE)) as road,
        agencies(road, POLICE, SHELTER) as (police, shelter),
    ):
        report_id = uuid4()
        message_id = await reported(road, report_id)
        await shown(lambda: shelter.files)
        (told,) = await shown(lambda: heard(police, CaseRegistered))

        _the_sender_can_join_what_it_hears(police, told, report_id, message_id)
        seen = await road.seen_by_owner(POLICE, told.case_number)
        assert "accepted" in [step["step"] for step in seen["steps"]]
        await _reporting_again_is_the_same_case(road, police, report_id)
        assert await lying(road) == {ingress_stream(POLICE).name: 2, "INBOX": 2}
        own_name = next(one.envelope.subject for one in police.seen if one.message is told)
        await _who_and_what_are_kept_sealed(road, told.case_number, UUID(own_name))

        await _erase(road, told.case_number)
        await shown(lambda: heard(police, FeedTrimmed))
        async with asyncio.timeout(30):
            while await lying(road) != {ingress_stream(POLICE).name: 0, "INBOX": 0}:
                await asyncio.sleep(0.3)
        road.programs = {}
        await come_to_rest(road, within=30)


def _the_sender_can_join_what_it_hears(
    police: Agency, told: CaseRegistered, report_id: UUID, message_id: UUID
) -> None:
    assert told.report_id == report_id
    (registered,) = [one for one in police.seen if one.message is told]
    assert registered.envelope.causation_id == str(message_id)
    steps = [one for one in police.seen if isinstance(one.message, Accepted)]
    assert {one.envelope.subject for one in steps} <= {registered.envelope.subject}


async def _reporting_again_is_the_same_case(road: Road, police: Agency, report_id: UUID) -> None:
    """As a program does that crashed before it wrote down that it had reported."""
    await reported(road, report_id)
    again = await shown(lambda: len(found := heard(police, CaseRegistered)) == 2 and found)
    assert len({one.case_number for one in again}) == 1
    listed = await road.http.get("/intake/cases", headers=road.headers(POLICE))
    assert len(listed.json()["cases"]) == 1


async def _who_and_what_are_kept_sealed(road: Road, number: str, case: UUID) -> None:
    """A suspect of a file for the police alone, and words of a threat for the dossier."""
    about = {"referral_id": None, "case": str(case)}
    file, suspect = (
        a_request("proceeding.report", **about),
        a_request("suspect.report", sealed=None),
    )
    threat = a_request("threat.report", **about, sealed=None)
    assert isinstance(suspect, ReportSuspect)
    assert isinstance(threat, ReportThreat)
    who = SuspectIdentity(identity={"full_name": "canary-suspect"})
    what = ThreatDetails(dossier={"notes.case_notes": "canary-threat"})
    async with Partner.open(road.folder(POLICE), url=road.platform.nats_url) as partner:
        for request in (
            file, partner.sealed_part(suspect, who), partner.sealed_part(threat, what)
        ):  # fmt: skip
            await partner.send(request)
    kept = f"/intake/suspects/{suspect.proceeding_id}/{suspect.suspect_id}"

    async def looked() -> Any:
        return (await road.http.get(kept, headers=road.headers(POLICE))).json()

    async def noted() -> Any:
        path = f"/intake/cases/{number}/dossier"
        sections = (await road.http.get(path, headers=road.headers(POLICE))).json()["sections"]
        return "canary-threat" in sections.get("notes", {}).get("case_notes", "")

    async with asyncio.timeout(30):
        while not (await noted() and "versions" in await looked()):
            await asyncio.sleep(0.3)
    assert (await looked())["versions"] == [{"full_name": "canary-suspect"}]
    other = await road.http.get(kept, headers=road.headers(SHELTER))
    assert other.status_code == httpx.codes.NOT_FOUND


async def _erase(road: Road, number: str) -> None:
    """The owner asks, the committee agrees."""
    asked = await _as(
        road,
        (POLICE, "focal_point", "p-1"),
        f"/intake/cases/{number}/erasure",
        {"reason": "person_asks"},
    )
    path = f"/intake/erasures/{asked.json()['erasure_id']}/confirmation"
    agreed = await _as(road, (COMMITTEE, "data_officer", "c-1"), path, None)
    assert agreed.status_code == httpx.codes.OK, agreed.text


async def _as(
    road: Road, who: tuple[str, str, str], path: str, body: dict[str, Any] | None
) -> httpx.Response:
    code, role, person = who
    token = issue_token(
        road.keys[code].signing,
        organisation=code,
        role=role,
        audience="intake",
        now=datetime.now(UTC),
        person=person,
    )
    return await road.http.post(path, json=body, headers={"Authorization": f"Bearer {token}"})


async def lying(road: Road) -> dict[str, int]:
    """How many reports each stream on the way holds."""
    names = (ingress_stream(POLICE).name, "INBOX")
    seed = seed_file(road.platform.state, PROVISIONER)
    try:
        async with asyncio.timeout(5):
            streams = await read_streams(road.platform.nats_url, seed, names)
    except TimeoutError:  # one was taken out while we read
        return {}
    names_of = {kind.name for kind in (ReportCase, ReportSuspect, ReportThreat)}
    return {name: sum(one.name in names_of for one in stored) for name, stored in streams.items()}


async def test_a_report_that_is_not_sealed_or_sealed_to_somebody_else_is_refused() -> None:
    """The control: what intake cannot open as this organisation's own registers nobody."""
    async with (
        running_road((POLICE, SHELTER)) as road,
        agencies(road, POLICE, SHELTER) as (police, shelter),
    ):
        report_id = uuid4()
        in_clear = await send(road, InClear(report_id=report_id, sealed=json.loads(FORM.encode())))
        ours = load_platform(road.folder(POLICE)).current(
            "intake", use="sealing", at=datetime.now(UTC)
        )
        foreign = seal(FORM.encode(), place_of_report(SHELTER, report_id), keys=ours)
        swapped = await send(road, ReportCase(report_id=report_id, sealed=foreign))
        stranger = public(generate_sealing_key(bytes(range(32))), owner="intake", use="sealing")
        shut = seal(FORM.encode(), place_of_report(POLICE, report_id), keys=[stranger])
        unopened = await send(road, ReportCase(report_id=report_id, sealed=shut))

        told = await shown(lambda: len(found := heard(police, MessageRejected)) == 3 and found)
        assert {(one.message_id, one.reason, one.field) for one in told} == {
            (str(in_clear), "wrong_schema", told_field(told, in_clear)),
            (str(swapped), "malformed", "sealed"),
            (str(unopened), "unknown_key", "sealed"),
        }
        assert told_field(told, in_clear).startswith("sealed")
        assert "canary" not in f"{told}"
        listed = await road.http.get("/intake/cases", headers=road.headers(POLICE))
        assert listed.json() == {"cases": []}

        await reported(road, report_id)
        await shown(lambda: heard(police, CaseRegistered))
        await shown(lambda: heard(shelter, Offer) and heard(shelter, DossierDisclosed))
        assert len(heard(police, MessageRejected)) == 3, "each was said once"


def told_field(told: list[MessageRejected], message_id: UUID) -> str:
    (one,) = (one for one in told if one.message_id == str(message_id))
    return one.field or ""
