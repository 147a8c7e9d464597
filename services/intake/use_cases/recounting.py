"""Telling an owner who could see what of a person: by which right, since when, whether still, who looked."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncConnection

from chassis.audit import Look, Reads
from contracts.callers import Caller
from services.intake.store import cases, consents, disclosures, owned, told
from services.intake.store.disclosures import Recipient
from services.intake.store.told import Disclosed
from services.intake.use_cases.cutting import cut_for, unwritten

ACTION = "disclosures"


@dataclass(frozen=True, slots=True, kw_only=True)
class Given:
    """One disclosure. can_see: whether its desk would be shown any of it now, or it holds it still."""

    one: Disclosed
    can_see: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """An organisation that was asked for a service: what it was told for it, and its looks."""

    recipient: Recipient
    asked_at: datetime
    given: Sequence[Given]
    looks: Sequence[Mapping[str, Any]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Recounted:
    """All of it. excepted: opened by two persons in an emergency; heirs: asked to take the case over."""

    case_id: UUID
    number: str
    merged_ids: Sequence[UUID]
    asked: Sequence[Asked]
    excepted: Sequence[Mapping[str, Any]]
    heirs: Sequence[Mapping[str, Any]]


async def recount(reads: Reads, who: Caller, case_id: UUID, *, at: datetime) -> Recounted | None:
    """What was told of the person of this case, with the look on record; None: it is not the reader's."""

    async def find(connection: AsyncConnection) -> Recounted | None:
        number = await owned.number_of(connection, case_id, owner=who.organisation)
        found = None if number is None else await cases.own_case(connection, number)
        return None if found is None else await _recounted(connection, found, at=at)

    found = await reads.audited_read(who, find, _looked_at)
    for merged in () if found is None else found.merged_ids:
        await reads.auditor.record(who, Look(action=ACTION, case_id=merged, parts=("receipts",)))
    return found


async def _recounted(
    connection: AsyncConnection, case: Mapping[str, Any], *, at: datetime
) -> Recounted:
    person = [case["case_id"], *case["merged_ids"]]
    return Recounted(
        case_id=case["case_id"],
        number=case["number"],
        merged_ids=case["merged_ids"],
        asked=await _asked(connection, person, case["steps"], at=at),
        excepted=await told.excepted(connection, person),
        heirs=await told.asked_to_own(connection, person),
    )


async def _asked(
    connection: AsyncConnection,
    person: Sequence[UUID],
    steps: Sequence[Mapping[str, Any]],
    *,
    at: datetime,
) -> list[Asked]:
    files = await consents.files(connection, person, lock=False)
    given: dict[UUID, list[Disclosed]] = {}
    for one in await told.disclosed(connection, person):
        given.setdefault(one.referral_id, []).append(one)
    looks = await told.looks(connection, person)
    first = {one["referral_id"]: one["at"] for one in reversed(steps)}
    made = []
    for recipient in await disclosures.recipients_of(connection, person):
        cut = cut_for(recipient, files[recipient.case_id], stage=recipient.stage, at=at)
        receipts = given.get(recipient.referral_id, ())
        made.append(
            Asked(
                recipient=recipient,
                asked_at=first[recipient.referral_id],
                given=[Given(one=one, can_see=_can_see(one, cut.fields)) for one in receipts],
                looks=looks.get(recipient.referral_id, ()),
            )
        )
    return sorted(made, key=lambda one: one.asked_at)


def _can_see(one: Disclosed, allowed: frozenset[tuple[str, str]]) -> bool:
    """What was sent is with its recipient until it has to go; a page is judged at each opening."""
    if one.ended_at is not None:
        return False
    return one.form == "sealed" or any(unwritten(text) in allowed for text in one.fields)


def _looked_at(found: Recounted | None) -> Look:
    if found is None:
        return Look(action=ACTION, outcome="not_found", shown=0)
    return Look(action=ACTION, case_id=found.case_id, parts=("receipts",), shown=len(found.asked))
