"""Taking in an incident: kept at once as it came, sealed, and registered person by person after."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from hashlib import sha256
from typing import Any
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncConnection

from chassis import outbox
from chassis.audit import Look, Reads
from chassis.database import is_outage
from chassis.outbox import Outgoing
from contracts.callers import Caller
from contracts.form import CaseSubmission, PersonSubmission
from contracts.identifiers import Mint
from contracts.incidents import IncidentOpened, IncidentRegistered
from services.intake import domain
from services.intake.store import cases, incidents, reports
from services.intake.store.incidents import Refusals, Settled, Waiting
from services.intake.use_cases.registering import Answer, Keeping, Submitted, register_cases
from services.intake.vault import SealedDossier

#: So many persons share a transaction: with some hundred, a statement costs little more than with one.
CHUNK = 100
#: What the rules of registering refuse later than the form → the field and the rule.
REFUSED: dict[type[domain.Refused], tuple[str, str]] = {
    domain.DetectedInFuture: ("detected_on", "not_in_future"),
    domain.KeyReused: ("*", "registered_before"),
    domain.Erased: ("*", "erased"),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Gathered:
    """An incident as it came in, by the place of each person, from 1. digest: of the exact body."""

    organisation: str
    key: str
    digest: bytes
    detected_on: date
    region: str | None
    cercle: str | None
    persons: Mapping[int, PersonSubmission] = field(repr=False)
    refused: Mapping[int, Refusals]
    trace: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Opened:
    """What a submission got; `is_repeated` when an earlier arrival got it."""

    incident_id: UUID
    persons: int
    refused: int
    is_repeated: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Chunk:
    """How many persons were settled, or were put off for which failure."""

    taken: int
    put_off: int = 0
    failure: Exception | None = None


async def open_incident(
    connection: AsyncConnection, gathered: Gathered, *, mint: Mint, keeping: Keeping
) -> Opened:
    """Keep everybody, sealed, and say that the incident is open; a repeat gets the first answer.

    Raises `domain.DetectedInFuture`, `domain.KeyReused`, `domain.Erased` where somebody of it was
    erased, so that nothing can be compared any more.
    """
    now, incident_id = mint.moment(), mint.opaque_id()
    registered = domain.register(
        owner=gathered.organisation, detected_on=gathered.detected_on, today=now.date()
    )
    answer = {
        "incident_id": str(incident_id),
        "persons": len(gathered.persons),
        "refused": len(gathered.refused),
    }
    key = gathered.organisation, gathered.key
    if not await cases.claim(connection, key, digest=gathered.digest, answer=answer):
        return await _first_answer(connection, gathered)
    message = _announced(gathered, incident_id, registered, mint=mint)
    new = incidents.NewIncident(
        incident_id=incident_id,
        owner=registered.owner,
        detected_on=gathered.detected_on,
        region=gathered.region,
        cercle=gathered.cercle,
        opened_at=now,
        event_id=message.id,
        trace=gathered.trace,
        persons=await keeping.vault.seal(incident_id, _forms(gathered.persons, mint)),
        refused=gathered.refused,
    )
    await incidents.save(connection, new)
    await outbox.add(connection, [message])
    return _opened(answer, is_repeated=False)


async def look_at_incident(
    reads: Reads, who: Caller, incident_id: UUID
) -> Mapping[str, Any] | None:
    """How far an incident of the reader's is, as `incidents.own_incident` gives it, on record."""
    return await reads.audited_read(
        who, lambda connection: incidents.own_incident(connection, incident_id), _looked_at
    )


def _looked_at(found: Mapping[str, Any] | None) -> Look:
    if found is None:
        return Look(action="incident", outcome="not_found", shown=0)
    return Look(action="incident", shown=sum(one["number"] is not None for one in found["persons"]))


async def register_some(connection: AsyncConnection, *, mint: Mint, keeping: Keeping) -> Chunk:
    """Register up to `CHUNK` persons of one incident in the caller's transaction.

    A chunk that fails is put off, and then tried one by one: one person's fault is her own.
    """
    chunk = await incidents.waiting(connection, size=CHUNK)
    if chunk is None:
        return Chunk(taken=0)
    try:
        async with connection.begin_nested():
            settled = await _register(connection, chunk, mint=mint, keeping=keeping)
            registered = await incidents.settle(connection, chunk.incident_id, settled)
            if registered is not None:
                await outbox.add(connection, [_all_there(chunk, registered, mint=mint)])
    except Exception as error:
        if is_outage(error):
            raise
        places = [int(one.section) for one in chunk.persons]
        await incidents.set_back(connection, chunk.incident_id, places)
        return Chunk(taken=0, put_off=len(places), failure=error)
    return Chunk(taken=len(settled))


async def _register(
    connection: AsyncConnection, chunk: Waiting, *, mint: Mint, keeping: Keeping
) -> list[Settled]:
    if chunk.key is None:
        lost = [{"field": "*", "rule": "lost"}]
        return [Settled(nth=int(one.section), refusals=lost) for one in chunk.persons]
    sealed = SealedDossier(key=chunk.key, sections=chunk.persons)
    opened = await keeping.vault.open(chunk.incident_id, sealed)
    submitted = {int(nth): _submitted(chunk, nth, form) for nth, form in opened.items()}
    results = await register_cases(connection, list(submitted.values()), mint=mint, keeping=keeping)
    return [
        await _settled(connection, nth, result, owner=chunk.owner)
        for nth, result in zip(submitted, results, strict=True)
    ]


async def _settled(
    connection: AsyncConnection, nth: int, result: Answer | domain.Refused, *, owner: str
) -> Settled:
    if isinstance(result, domain.Refused):
        refused = type(result)
    else:
        case_id = result.case_id or await reports.case_of(
            connection, organisation=owner, number=result.case_number
        )
        if case_id is not None:
            return Settled(nth=nth, case_id=case_id)
        refused = domain.Erased
    name, rule = REFUSED[refused]
    return Settled(nth=nth, refusals=[{"field": name, "rule": rule}])


def _forms(persons: Mapping[int, PersonSubmission], mint: Mint) -> dict[str, dict[str, str]]:
    """Each form as it was filled in, but for the word for the family, which is a random id from now."""
    families: dict[str | None, str] = {None: ""}
    for one in persons.values():
        if one.family not in families:
            families[one.family] = str(mint.opaque_id())
    return {
        str(nth): {
            "form": one.model_dump_json(exclude={"family"}),
            "family": families[one.family],
        }
        for nth, one in persons.items()
    }


def _submitted(chunk: Waiting, nth: str, kept: Mapping[str, str]) -> Submitted:
    form = CaseSubmission.model_validate_json(kept["form"])
    return Submitted(
        organisation=chunk.owner,
        # A space, which no key from outside may have.
        key=f"incident {chunk.incident_id} {nth}",
        digest=sha256(kept["form"].encode()).digest(),
        facts=form,
        dossier={name: dict(fields) for name, fields in form.dossier.items()},
        trace=chunk.trace,
        cause=str(chunk.event_id),
        incident=chunk.incident_id,
        family=UUID(kept["family"]) if kept["family"] else None,
    )


async def _first_answer(connection: AsyncConnection, gathered: Gathered) -> Opened:
    digest, answer = await cases.answer_of(
        connection, organisation=gathered.organisation, key=gathered.key
    )
    if not digest:
        raise domain.Erased
    if digest != gathered.digest:
        raise domain.KeyReused
    return _opened(answer, is_repeated=True)


def _opened(answer: Mapping[str, object], *, is_repeated: bool) -> Opened:
    return Opened(
        incident_id=UUID(str(answer["incident_id"])),
        persons=int(str(answer["persons"])),
        refused=int(str(answer["refused"])),
        is_repeated=is_repeated,
    )


def _all_there(chunk: Waiting, registered: int, *, mint: Mint) -> Outgoing:
    """Whoever waits for the others of the incident need not wait for those who were refused."""
    return Outgoing(
        id=mint.message_id(),
        stream="INTAKE",
        message=IncidentRegistered(owner=chunk.owner, persons=registered),
        subject=str(chunk.incident_id),
        correlation_id=str(chunk.incident_id),
        causation_id=str(chunk.event_id),
        trace=chunk.trace,
    )


def _announced(
    gathered: Gathered, incident_id: UUID, registered: domain.Registration, *, mint: Mint
) -> Outgoing:
    event = IncidentOpened(
        owner=registered.owner,
        opened_on=registered.on,
        detected_on=gathered.detected_on,
        region=gathered.region,
        cercle=gathered.cercle,
        persons=len(gathered.persons),
    )
    return Outgoing(
        id=mint.message_id(),
        stream="INTAKE",
        message=event,
        subject=str(incident_id),
        correlation_id=str(incident_id),
        trace=gathered.trace,
        started_trace=gathered.trace,
    )
