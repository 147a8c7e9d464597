"""Events as reporting's consumers get them, so that a test can say what happened in one line each."""

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncEngine

from chassis.database import open_engine
from chassis.inbox import Raw, Received
from contracts import cases, intake, referral, reporting
from contracts.envelope import Envelope
from contracts.event import Message
from contracts.keyring import PublicKey
from services.reporting.consumers import on_events
from services.reporting.store.facts import TABLES
from tests.servers import Database

DAWN = datetime(2026, 11, 24, 6, tzinfo=UTC)
SOURCES = {"INTAKE": intake.SOURCE, "REFERRAL": referral.SOURCE, "REPORTING": reporting.SOURCE}
STEPS: dict[str, type[referral.ReferralEvent]] = {
    "received": referral.ReferralReceived,
    "accepted": referral.ReferralAccepted,
    "declined": referral.ReferralDeclined,
    "overdue": referral.ReferralOverdue,
    "withdrawn": referral.ReferralWithdrawn,
    "started": referral.ReferralStarted,
    "delivered": referral.ReferralDelivered,
    "not_delivered": referral.ReferralNotDelivered,
    "confirmed": referral.ReferralConfirmed,
}
#: What a step says besides.
MORE = {
    "declined": {"reason": "capacity"},
    "not_delivered": {"reason": "capacity"},
    "withdrawn": {"reason": "suspended"},
    "confirmed": {"confirmed_by_role": "case_owner"},
}


def case_id(number: int) -> UUID:
    return UUID(int=number, version=4)


def referral_id(number: int) -> UUID:
    return UUID(int=1_000_000 + number, version=4)


def file_id(number: int) -> UUID:
    return UUID(int=2_000_000 + number, version=4)


def suspect_id(number: int) -> UUID:
    return UUID(int=3_000_000 + number, version=4)


@dataclass(slots=True)
class Happenings:
    """A history in the making: numbers per case and per stream without gaps, as the relay gives."""

    events: list[Received] = field(default_factory=list)

    def registered(self, case: int, *, minutes: float = 0, **facts: Any) -> None:
        coded: dict[str, Any] = {
            "detected_on": date(2026, 11, 20),
            "region": "01",
            "sex": "female",
            "age_band": "12-14",
            "citizenship": ("MLI",),
            "exploitation": ("domestic_work", "gold_mining"),
            "detection_channel": "patrol",
            "owner": "GEND_KITA",
            "registered_on": date(2026, 11, 24),
        }
        event = intake.CaseRegistered.model_validate(coded | facts)
        self.add(event, str(case_id(case)), stream="INTAKE", minutes=minutes)

    def merged(self, case: int, into: int | None, *, minutes: float) -> None:
        """The case counts under another from then on, or (None) under itself again."""
        event: Message = (
            intake.CaseUnmerged(out_of=case_id(0), owner="GEND_KITA", unmerged_on=DAWN.date())
            if into is None
            else intake.CaseMerged(into=case_id(into), owner="GEND_KITA", merged_on=DAWN.date())
        )
        self.add(event, str(case_id(case)), stream="INTAKE", minutes=minutes)

    def erased(self, case: int, *, reason: str = "person_asks", minutes: float) -> None:
        """Nobody can say any more who it was; that there was somebody still counts.

        Unless the case was registered in error: then there never was anybody.
        """
        event = intake.CaseErased(
            reason=reason,
            organisation="GEND_KITA",
            confirmed_by="ONG_ABRI",
            erased_on=DAWN.date(),
        )
        self.add(event, str(case_id(case)), stream="INTAKE", minutes=minutes)

    def followed_up(self, case: int, after_days: int, *, on: date, minutes: float) -> None:
        event = cases.FollowupDone(
            organisation="GEND_KITA", after_days=after_days, outcome="well", done_on=on
        )
        self.add(event, str(case_id(case)), stream="INTAKE", minutes=minutes)

    def excepted(self, case: int, *, reason: str, minutes: float) -> None:
        event = intake.AccessExcepted(
            reason=reason,
            organisation="GEND_KITA",
            confirmed_by="ONG_ABRI",
            requested_by_role="officer",
            confirmed_by_role="officer",
            groups=("G2",),
            until=DAWN,
        )
        self.add(event, str(case_id(case)), stream="INTAKE", minutes=minutes)

    def offered(
        self,
        number: int,
        case: int,
        *,
        service: str = "shelter",
        urgency: str = "urgent_72h",
        minutes: float = 1,
    ) -> None:
        event = referral.ReferralOffered(
            **_repeated(number, service),
            urgency=urgency,
            region="01",
            rank=1,
            ground="consent",
            policy_version="2026-11",
        )
        self.add(event, str(case_id(case)), stream="REFERRAL", minutes=minutes)

    def stepped(
        self, number: int, case: int, step: str, *, service: str = "shelter", minutes: float = 2
    ) -> None:
        known = _repeated(number, service)
        event = STEPS[step].model_validate(known | MORE.get(step, {}))
        self.add(event, str(case_id(case)), stream="REFERRAL", minutes=minutes)

    def unplaced(self, case: int, *, service: str = "legal_aid", minutes: float = 3) -> None:
        event = referral.ReferralUnplaced(service=service, reason="no_candidate")
        self.add(event, str(case_id(case)), stream="REFERRAL", minutes=minutes)

    def filed(self, file: int, case: int, state: str, *, minutes: float = 4, **facts: Any) -> None:
        """A file of the police as of this case; opened when it is the first that is said of it."""
        said = {
            **_of_file(file),
            "organisation_kind": "police",
            "state": state,
            "on": DAWN.date(),
            "offence_class": "trafficking",
        }
        known = [
            one
            for one in self.events
            if isinstance(one.message, referral.ProceedingEvent)
            and (one.message.proceeding_id, one.envelope.subject)
            == (file_id(file), str(case_id(case)))
        ]
        kind = referral.ProceedingAdvanced if known else referral.ProceedingOpened
        event = kind.model_validate(said | facts)
        self.add(event, str(case_id(case)), stream="REFERRAL", minutes=minutes)

    def suspected(self, suspect: int, file: int, *, minutes: float = 5, **facts: Any) -> None:
        said = {
            **_of_file(file),
            "suspect_id": suspect_id(suspect),
            "on": DAWN.date(),
            "custody": "police_custody",
            "sex": "male",
            "age_band": "35-59",
            "citizenship": ("MLI",),
            "is_official": False,
            "is_victim_too": False,
        }
        event = referral.SuspectRecorded.model_validate(said | facts)
        self.add(event, str(file_id(file)), stream="REFERRAL", minutes=minutes)

    def judged(self, suspect: int, file: int, *, minutes: float = 6, **facts: Any) -> None:
        said = {
            **_of_file(file),
            "suspect_id": suspect_id(suspect),
            "on": DAWN.date(),
            "court": "high_court_correctional",
            "offence_class": "trafficking",
            "verdict": "convicted",
            "is_final": False,
            "sentences": ("imprisonment",),
            "months": 24,
            "suspended_months": 0,
            "fine": 0,
            "reparation": 0,
            "reparation_paid": 0,
        }
        event = referral.JudgmentRendered.model_validate(said | facts)
        self.add(event, str(file_id(file)), stream="REFERRAL", minutes=minutes)

    def has_places(
        self, code: str, places: int, *, service: str = "shelter", minutes: float, ago: float = 0
    ) -> None:
        """An organisation has counted its places so many minutes before it said so."""
        event = referral.CapacityChanged(
            organisation=code,
            service=service,
            places=places,
            free=0,
            counted_at=DAWN + timedelta(minutes=minutes - ago),
        )
        self.add(event, code, stream="REFERRAL", minutes=minutes)

    def organisation(
        self,
        code: str,
        *,
        key: PublicKey | None = None,
        minutes: float = 0,
        kind: str = "committee",
    ) -> None:
        event = referral.OrganisationRegistered(
            code=code,
            kind=kind,
            name_fr="Comité",
            name_en="Committee",
            region="09",
            zones=("*",),
            services=(),
            channel="nats",
            keys=() if key is None else (key,),
        )
        self.add(event, code, stream="REFERRAL", minutes=minutes)

    def add(self, event: Message, subject: str, *, stream: str, minutes: float) -> None:
        """Recorded so many minutes after DAWN."""
        of_stream = [one for one in self.events if one.raw.stream == stream]
        of_case = [one for one in of_stream if one.envelope.subject == subject]
        raw = Raw(
            subject="",
            headers={},
            body=b"",
            stream=stream,
            sequence=len(of_stream) + 1,
            recorded_at=DAWN + timedelta(minutes=minutes),
        )
        envelope = Envelope(
            id=UUID(int=len(self.events) + 1, version=4),
            source=SOURCES[stream],
            type=event.ce_type(),
            subject=subject,
            case_sequence=len(of_case) + 1,
        )
        self.events.append(Received(raw=raw, envelope=envelope, message=event))


def _repeated(number: int, service: str) -> dict[str, Any]:
    return {
        "referral_id": referral_id(number),
        "organisation": "ONG_ABRI",
        "organisation_kind": "shelter",
        "service": service,
    }


def _of_file(number: int) -> dict[str, Any]:
    return {"organisation": "POLICE_KAYES", "proceeding_id": file_id(number)}


@dataclass(frozen=True, slots=True)
class Roles:
    """An engine for each of reporting's two roles."""

    work: AsyncEngine
    web: AsyncEngine


@asynccontextmanager
async def engines(database: Database) -> AsyncIterator[Roles]:
    """The roles on this database, for as long as the block runs."""
    urls = [database.url(f"reporting_{role}") for role in ("work", "web")]
    both = Roles(*(open_engine(url, schema="reporting", pool_size=2) for url in urls))
    try:
        yield both
    finally:
        await both.work.dispose()
        await both.web.dispose()


async def clear(work: AsyncEngine) -> None:
    """Forget everything that was counted."""
    async with work.begin() as connection:
        for table in TABLES:
            await connection.execute(text(f"delete from {table}"))


async def take(work: AsyncEngine, *batches: Sequence[Received]) -> None:
    """Each batch in one transaction, as a consumer does."""
    for batch in batches:
        async with work.begin() as connection:
            await on_events(connection, batch)
