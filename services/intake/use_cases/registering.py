"""Registering a case once, with the answer that a repeat gets."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date
from typing import Any
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncConnection

from chassis.outbox import Outgoing
from contracts.case_number import make_case_number
from contracts.identifiers import Mint
from contracts.intake import CaseRegistered, CodedCase
from services.intake import domain
from services.intake.domain.fingerprints import fingerprints
from services.intake.domain.persons import person_of
from services.intake.store import cases
from services.intake.vault import Vault

# A case that nobody has placed yet still needs a unit in its number: the capital's.
UNKNOWN_REGION = "00"


@dataclass(frozen=True, slots=True, kw_only=True)
class Submitted:
    """A case as it came in; digest: SHA-256 of the exact body. cause: the message it came in.

    incident, family: where and with whom the person was found, if among others.
    """

    organisation: str
    key: str
    digest: bytes
    facts: CodedCase
    dossier: Mapping[str, Mapping[str, str]]
    trace: str | None
    cause: str | None = None
    incident: UUID | None = None
    family: UUID | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """What a submission got; `is_repeated`, and without its case, when an earlier arrival got it."""

    case_number: str
    registered_on: date
    is_repeated: bool = False
    case_id: UUID | None = None


@dataclass(frozen=True, slots=True)
class Keeping:
    """How a dossier is kept, and found again. fingerprint_key: 32 bytes."""

    vault: Vault
    fingerprint_key: bytes = field(repr=False)

    def prints(self, submitted: Submitted) -> tuple[bytes, ...]:
        """The person's blind tokens, as they are stored."""
        person = person_of(submitted.dossier.get("identity", {}), sex=submitted.facts.sex)
        found = fingerprints(person, key=self.fingerprint_key)
        return tuple(one.packed for one in found)


async def register_cases(
    connection: AsyncConnection, submitted: Sequence[Submitted], *, mint: Mint, keeping: Keeping
) -> list[Answer | domain.Refused]:
    """Case, dossier, event and answer of each, in one statement; a repeat gets the first answer.

    One result per submission, in order. No (organisation, key) may occur twice.
    """
    prepared = [await _prepared(one, mint=mint, keeping=keeping) for one in submitted]
    new = [one for one in prepared if isinstance(one, cases.NewCase)]
    claimed = await cases.save(connection, new) if new else set()
    return [
        one
        if isinstance(one, domain.Refused)
        else _answer(one)
        if (one.organisation, one.key) in claimed
        else await _first_answer(connection, one)
        for one in prepared
    ]


async def _prepared(
    submitted: Submitted, *, mint: Mint, keeping: Keeping
) -> cases.NewCase | domain.Refused:
    now = mint.moment()
    try:
        registered = domain.register(
            owner=submitted.organisation,
            detected_on=submitted.facts.detected_on,
            today=now.date(),
        )
    except domain.Refused as refused:
        return refused
    case_id = mint.opaque_id()
    number = make_case_number(
        region=submitted.facts.region or UNKNOWN_REGION, year=now.year, entropy=mint.entropy(6)
    )
    event = CaseRegistered.model_construct(
        **{name: getattr(submitted.facts, name) for name in CodedCase.model_fields},
        owner=registered.owner,
        registered_on=registered.on,
        incident_id=submitted.incident,
        family_id=submitted.family,
    )
    return cases.NewCase(
        organisation=submitted.organisation,
        key=submitted.key,
        digest=submitted.digest,
        answer={"case_number": number, "registered_on": registered.on.isoformat()},
        case_id=case_id,
        number=number,
        registered_at=now,
        dossier=await keeping.vault.seal(case_id, submitted.dossier),
        fingerprints=keeping.prints(submitted),
        message=_announced(event, case_id, of=submitted, mint=mint),
    )


def _answer(case: cases.NewCase) -> Answer:
    return replace(_answered(case.answer, is_repeated=False), case_id=case.case_id)


async def _first_answer(
    connection: AsyncConnection, case: cases.NewCase
) -> Answer | domain.Refused:
    digest, answer = await cases.answer_of(connection, organisation=case.organisation, key=case.key)
    if not answer:
        return domain.Erased()
    if digest != case.digest:
        return domain.KeyReused()
    return _answered(answer, is_repeated=True)


def _answered(answer: Mapping[str, Any], *, is_repeated: bool) -> Answer:
    return Answer(
        case_number=answer["case_number"],
        registered_on=date.fromisoformat(answer["registered_on"]),
        is_repeated=is_repeated,
    )


def _announced(event: CaseRegistered, case_id: UUID, *, of: Submitted, mint: Mint) -> Outgoing:
    return Outgoing(
        id=mint.message_id(),
        stream="INTAKE",
        message=event,
        subject=str(case_id),
        case_id=case_id,
        causation_id=of.cause,
        correlation_id=str(case_id),
        trace=of.trace,
        started_trace=of.trace,
    )
