"""Reports of suspects and threats with a sealed part, as a partner sends them and referral answers."""

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any
from uuid import UUID, uuid4

from contracts.event import Message
from contracts.form import SuspectIdentity, ThreatDetails
from contracts.referral import SOURCE, SuspectRecorded
from contracts.reports import ReportSuspect, ReportThreat
from contracts.threats import ThreatReported
from partners.kit.reports import sealed_part
from tests.asked import a_request
from tests.builders import event_headers, event_subject
from tests.intake.reporters import Reporter
from tests.intake.rooms import Case
from tests.parts import until, writing_as

#: Of each a word that may be found nowhere in clear.
WHO = {"full_name": "canary-suspect", "phone": "canary-phone"}
WHAT = {"exploitation.facts": "canary-threat", "safe_place.safe_address": "canary-safe"}


def a_suspect(**changes: Any) -> ReportSuspect:
    report = a_request("suspect.report", **{"sealed": None} | changes)
    assert isinstance(report, ReportSuspect)
    return report


def a_threat(**changes: Any) -> ReportThreat:
    report = a_request("threat.report", **{"sealed": None} | changes)
    assert isinstance(report, ReportThreat)
    return report


@dataclass(slots=True)
class Filer(Reporter):
    """A reporter whose reports referral takes; we play referral."""

    async def file(
        self,
        report: ReportSuspect | ReportThreat,
        said: dict[str, Any],
        identity: UUID | None = None,
    ) -> UUID:
        """Send a report with this sealed; the id of the message."""
        made: dict[str, Any] = {
            "organisation": self.code,
            "ring": self.ring,
            "at": datetime.now(UTC),
        }
        sealed: ReportSuspect | ReportThreat
        if isinstance(report, ReportSuspect):
            who = SuspectIdentity.model_validate({"identity": said})
            sealed = sealed_part(report, who, **made)
        else:
            what = ThreatDetails.model_validate({"dossier": said})
            sealed = sealed_part(report, what, **made)
        return await self.send(sealed, identity)

    async def taken(
        self, report: ReportSuspect | ReportThreat, id: UUID, case: Case | None
    ) -> None:
        """As referral says that it has taken the report with this id."""
        event: Message
        if isinstance(report, ReportSuspect):
            facts = report.model_dump(exclude={"sealed"})
            event, subject = SuspectRecorded(**facts, organisation=self.code), str(uuid4())
        else:
            assert case is not None
            facts = report.model_dump(exclude={"sealed", "referral_id", "case"})
            event = ThreatReported(**facts, organisation=self.code, organisation_kind="police")
            subject = str(case.id)
        number = 1
        if case is not None:
            self.room.numbers[case.id] += 1
            number = self.room.numbers[case.id]
        headers = event_headers(
            event, case_id=subject, number=number, source=SOURCE, causation_id=str(id)
        )
        async with writing_as(self.room.site.server, "referral") as jetstream:
            await jetstream.publish(
                event_subject(event, subject, service="referral"), event.encode(), headers=headers
            )

    async def settle(
        self, report: ReportSuspect | ReportThreat, said: dict[str, Any], case: Case | None = None
    ) -> None:
        """Sent, waiting at intake, taken by referral, kept."""
        identity = await self.file(report, said)
        await until(lambda: self._waiting(is_there=True))
        await self.taken(report, identity, case)
        await until(lambda: self._waiting(is_there=False))

    async def _waiting(self, *, is_there: bool) -> bool:
        rows = await self.room.site.rows("select 1 from intake.sealed_parts")
        return bool(rows) == is_there
