"""What is heard in a batch, in the words of the use cases."""

from collections.abc import Sequence
from typing import TypeVar
from uuid import UUID

from chassis.inbox import Received
from contracts.cases import CaseClosed, CaseReopened, CaseTransferred
from contracts.incidents import IncidentOpened, IncidentRegistered
from contracts.intake import (
    CaseMerged,
    CaseRegistered,
    CaseUnmerged,
    ConsentEvent,
    GroundRecorded,
)
from contracts.reports import ReportCapacity, ReportSession, ReportThreat
from contracts.requests import ReferralRequest, ReplayFeed, Request, SnapshotFeed
from services.referral.use_cases.announcing import Announcer, Cause
from services.referral.use_cases.answering import Answer
from services.referral.use_cases.closing import Turn
from services.referral.use_cases.counting import Count
from services.referral.use_cases.following_files import FILE_REPORTS, Filed
from services.referral.use_cases.following_threats import Threat
from services.referral.use_cases.offering import NewCase
from services.referral.use_cases.refusing import Asked
from services.referral.use_cases.repeating import Again
from services.referral.use_cases.withdrawing import Said

_One = TypeVar("_One", bound=Request)


def new_cases(batch: Sequence[Received]) -> list[NewCase]:
    """Cases that were registered."""
    return [
        NewCase(
            case_id=_case_id(one),
            facts=one.message,
            recorded_at=one.raw.recorded_at,
            cause=_cause(one),
        )
        for one in batch
        if isinstance(one.message, CaseRegistered)
    ]


def incidents(batch: Sequence[Received]) -> dict[UUID, IncidentOpened | IncidentRegistered]:
    """Of each the last word: once everybody is registered, who was refused is not waited for."""
    return {
        UUID(one.envelope.subject): one.message
        for one in batch
        if isinstance(one.message, IncidentOpened | IncidentRegistered)
    }


def owners(batch: Sequence[Received]) -> dict[UUID, str]:
    """Of a case the last word counts; it is no earlier than its registration."""
    return {
        _case_id(one): one.message.owner
        for one in batch
        if isinstance(one.message, CaseMerged | CaseUnmerged | CaseTransferred)
    }


def merged(batch: Sequence[Received]) -> dict[UUID, tuple[UUID | None, Cause]]:
    """Under which case the person of another counts, None: under its own again; and what says so."""
    return {
        _case_id(one): (getattr(one.message, "into", None), _cause(one))
        for one in batch
        if isinstance(one.message, CaseMerged | CaseUnmerged)
    }


def decisions(batch: Sequence[Received]) -> list[Said]:
    """What was decided about telling of cases."""
    return [
        Said(
            case_id=_case_id(one),
            line=one.message.line,
            recorded_at=one.raw.recorded_at,
            cause=_cause(one),
        )
        for one in batch
        if isinstance(one.message, ConsentEvent | GroundRecorded)
    ]


def turns(batch: Sequence[Received]) -> list[Turn]:
    """Cases that were closed or reopened."""
    return [
        Turn(
            case_id=_case_id(one),
            is_closed=isinstance(one.message, CaseClosed),
            needs=getattr(one.message, "needs", ()),
            cause=_cause(one),
        )
        for one in batch
        if isinstance(one.message, CaseClosed | CaseReopened)
    ]


def answers(batch: Sequence[Received]) -> list[Answer]:
    """What partners say to their referrals."""
    return [
        Answer(
            organisation=asked.organisation,
            referral_id=said.referral_id,
            verb=said.name.partition(".")[2],
            request_id=asked.request_id,
            cause=asked.cause,
            reason=getattr(said, "reason", None),
        )
        for said, asked in _of(batch, ReferralRequest)
    ]


def repeats(batch: Sequence[Received]) -> list[Again]:
    """Who wants to hear again what it heard, from where on."""
    return [
        Again(asked=asked_by(one), **one.message.model_dump(include={"after", "since"}))
        for one in batch
        if isinstance(one.message, ReplayFeed | SnapshotFeed)
    ]


def counts(batch: Sequence[Received]) -> list[tuple[Count, Asked]]:
    """How many places there are."""
    return [
        (Count(**said.model_dump(), organisation=asked.organisation), asked)
        for said, asked in _of(batch, ReportCapacity)
    ]


def filed(batch: Sequence[Received], announcer: Announcer) -> list[Filed]:
    """What the police and justice report of their files."""
    return [
        Filed(
            asked=(asked := asked_by(one)),
            report=one.message,
            kind=announcer.kind_of(asked.organisation),
        )
        for one in batch
        if isinstance(one.message, FILE_REPORTS)
    ]


def not_held(batch: Sequence[Received]) -> list[Received]:
    """Sessions that are still to come, by the day on which the broker stored their report."""
    return [
        one
        for one in batch
        if isinstance(one.message, ReportSession)
        and not one.message.was_held(one.raw.recorded_at.date())
    ]


def threats(batch: Sequence[Received], announcer: Announcer) -> list[Threat]:
    """Who is said to be threatened."""
    return [
        Threat(asked=asked, report=said, kind=announcer.kind_of(asked.organisation))
        for said, asked in _of(batch, ReportThreat)
    ]


def asked_by(one: Received) -> Asked:
    """Whoever makes this request, and what it asks."""
    request = one.message
    assert isinstance(request, Request)  # noqa: S101 - read_request takes no other
    assert one.organisation is not None  # noqa: S101 - read_request always says it
    return Asked(
        organisation=one.organisation,
        request_type=request.name,
        request_id=one.envelope.id,
        matter=request.matter,
        referral_id=getattr(request, "referral_id", None),
        cause=_cause(one),
    )


def _of(batch: Sequence[Received], kind: type[_One]) -> list[tuple[_One, Asked]]:
    return [(one.message, asked_by(one)) for one in batch if isinstance(one.message, kind)]


def _case_id(one: Received) -> UUID:
    return UUID(one.envelope.subject)


def _cause(one: Received) -> Cause:
    return Cause(id=str(one.envelope.id), trace=one.trace)
