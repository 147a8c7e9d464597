"""Receipts: who may read which fields of whom, on which ground, from when to when."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from chassis.database import as_json
from chassis.directory_keys import checked_key
from contracts.keyring import PublicKey

#: Steps after which a recipient has nothing more to do.
_OVER = frozenset({"declined", "overdue", "delivered", "not_delivered", "withdrawn"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Recipient:
    """An organisation that one service of one case was asked of. steps: what has happened so far."""

    referral_id: UUID
    case_id: UUID
    organisation: str
    kind: str
    service: str
    channel: str
    sealing_key: str | None
    sealing_since: datetime | None
    steps: frozenset[str]

    @property
    def stage(self) -> str:
        """How far the referral is, in the policy's words."""
        if self.steps & _OVER:
            return "closed"
        return "accepted" if "accepted" in self.steps else "offered"

    @property
    def key(self) -> PublicKey | None:
        """What is sealed to, as the directory says it; None where none is known."""
        if self.sealing_key is None or self.sealing_since is None:
            return None
        since, until, suspect = self.sealing_since, None, None
        return checked_key((self.organisation, "sealing", self.sealing_key, since, until, suspect))


@dataclass(frozen=True, slots=True, kw_only=True)
class Receipt:
    """One disclosure. fields: `section.field`, sorted; form: `sealed`, `desk` or `nothing`."""

    receipt_id: UUID
    case_id: UUID
    referral_id: UUID
    organisation: str
    organisation_kind: str
    service: str
    purpose: str
    stage: str
    form: str
    ground: str | None
    policy_version: str
    fields: tuple[str, ...]
    digest: bytes | None

    def is_for_desk(self, referral_id: UUID) -> bool:
        """Whether this referral's recipient looks it up."""
        return self.form == "desk" and self.referral_id == referral_id


@dataclass(frozen=True, slots=True, kw_only=True)
class Opening:
    """A desk has looked."""

    opening_id: UUID
    referral_id: UUID
    case_id: UUID
    organisation: str
    role: str
    grounds: tuple[str, ...]
    policy_version: str
    fields: tuple[str, ...]
    digest: bytes


_RECIPIENTS = """
    select referral_id, case_id, organisation, organisations.kind, service,
           organisations.channel, sealing.key as sealing_key,
           sealing.valid_from as sealing_since, array_agg(step) as steps
    from steps join organisations on code = organisation
    left join lateral (
        select key, valid_from from organisation_keys
        where owner = code and use = 'sealing'
          and coalesce(least(valid_until, suspect_from) > clock_timestamp(), true)
        order by valid_from desc limit 1
    ) as sealing on true
    where {} group by referral_id, case_id, organisation, service, code, sealing.key,
                      sealing.valid_from
    order by referral_id
"""
_OF_CASES = text(_RECIPIENTS.format("case_id = any(cast(:cases as uuid[]))"))
_OF_REFERRALS = text(_RECIPIENTS.format("referral_id = any(cast(:referrals as uuid[]))"))
_COLUMNS = ", ".join(Receipt.__slots__)
_STANDING = text(f"""
    select {_COLUMNS} from disclosures
    where case_id = any(cast(:cases as uuid[])) and ended_at is null order by receipt_id
""")  # noqa: S608 - a constant of ours
_AT_DESK = text("""
    select referral_id, min(released_at) as since from disclosures
    where organisation = :organisation and form = 'desk' and ended_at is null
      and exists (select from steps where steps.referral_id = disclosures.referral_id)
      and not exists (select from steps where steps.referral_id = disclosures.referral_id
                      and step = any(cast(:over as text[])))
    group by referral_id order by since desc, referral_id limit 200
""")
_BY_ID = text(f"""
    select {_COLUMNS} from disclosures
    where receipt_id = any(cast(:ids as uuid[])) and ended_at is null
""")  # noqa: S608 - a constant of ours
_ADD = text(f"""
    insert into disclosures ({_COLUMNS})
    select {_COLUMNS} from jsonb_populate_recordset(cast(null as disclosures), cast(:rows as jsonb))
""")  # noqa: S608 - a constant of ours
_END = text("""
    update disclosures set ended_at = clock_timestamp(), ended_by = :by
    where receipt_id = any(cast(:ids as uuid[])) and ended_at is null
""")
_OPENED = text(f"""
    insert into openings ({", ".join(Opening.__slots__)})
    values ({", ".join(f":{n}" for n in Opening.__slots__)})
""")  # noqa: S608 - a constant of ours


async def recipients_of(connection: AsyncConnection, cases: Collection[UUID]) -> list[Recipient]:
    """Everybody who was asked for something in these cases."""
    found = await connection.execute(_OF_CASES, {"cases": list(cases)})
    return [_recipient(row) for row in found]


async def recipients(
    connection: AsyncConnection, referrals: Collection[UUID]
) -> dict[UUID, Recipient]:
    """Who these referrals are to."""
    found = await connection.execute(_OF_REFERRALS, {"referrals": list(referrals)})
    return {row.referral_id: _recipient(row) for row in found}


async def standing_receipts(connection: AsyncConnection, cases: Collection[UUID]) -> list[Receipt]:
    """What is open of these cases, and to whom."""
    return _receipts(await connection.execute(_STANDING, {"cases": list(cases)}))


async def at_desk(connection: AsyncConnection, organisation: str) -> dict[UUID, datetime]:
    """The referrals that this desk may look up and since when; the newest 200, newest first."""
    said = {"organisation": organisation, "over": sorted(_OVER)}
    found = await connection.execute(_AT_DESK, said)
    return {row.referral_id: row.since for row in found}


async def receipts(connection: AsyncConnection, ids: Collection[UUID]) -> list[Receipt]:
    """These receipts, as far as they still stand."""
    return _receipts(await connection.execute(_BY_ID, {"ids": list(ids)}))


async def save(connection: AsyncConnection, new: Sequence[Receipt]) -> None:
    """Put receipts on record, with the disclosure itself or never."""
    if new:
        rows = [_row(one) | {"digest": one.digest and f"\\x{one.digest.hex()}"} for one in new]
        await connection.execute(_ADD, {"rows": as_json(rows)})


async def end(connection: AsyncConnection, ids: Collection[UUID], *, by: UUID | None) -> None:
    """From now on these may not be read. by: the decision that ended them."""
    if ids:
        await connection.execute(_END, {"ids": list(ids), "by": by})


async def note_opening(connection: AsyncConnection, opening: Opening) -> None:
    """Put on record what a desk is about to be shown."""
    await connection.execute(_OPENED, _row(opening))


def _recipient(row: Any) -> Recipient:
    said = dict(row._mapping)
    return Recipient(**said | {"steps": frozenset(said["steps"])})


def _receipts(found: Any) -> list[Receipt]:
    rows = [dict(row._mapping) for row in found]
    return [Receipt(**row | {"fields": tuple(row["fields"])}) for row in rows]


def _row(one: Receipt | Opening) -> dict[str, Any]:
    said = {name: getattr(one, name) for name in type(one).__slots__}
    return {n: list(value) if isinstance(value, tuple) else value for n, value in said.items()}
