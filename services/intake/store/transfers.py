"""Offers of cases to other owners: who was asked, and what came of it."""

import json
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from services.intake.domain.transfers import LAPSES_AFTER_DAYS, Offer


@dataclass(frozen=True, slots=True, kw_only=True)
class NewOffer:
    """An offer about to be written. shown: what of the case the asked organisation may know."""

    transfer_id: UUID
    case_id: UUID
    from_owner: str
    to_owner: str
    ground: str
    shown: Mapping[str, Any]


_PARTY = text("select kind, channel from organisations where code = :code")
_LAPSE = text("""
    update transfers set state = 'lapsed', ended_at = lapses_at
    where case_id = :case_id and state = 'offered' and lapses_at <= clock_timestamp()
""")
_ADD = text("""
    insert into transfers (transfer_id, case_id, from_owner, to_owner, ground, shown, lapses_at)
    values (:transfer_id, :case_id, :from_owner, :to_owner, :ground, cast(:shown as jsonb),
            clock_timestamp() + make_interval(days => :days))
    on conflict (case_id) where state = 'offered' do nothing
    returning lapses_at
""")
_SELECT = """
    select transfer_id, case_id, from_owner, to_owner, ground,
           state = 'offered' and lapses_at > clock_timestamp() as is_open
    from transfers
"""
_FIND = text(f"{_SELECT} where transfer_id = :transfer_id")
_LOCK = text(f"{_FIND.text} for update")
_OPEN = text(f"""
    {_SELECT} where case_id = any(cast(:cases as uuid[])) and state = 'offered'
    order by transfer_id for update
""")
_END = text("""
    update transfers set state = :state, reason = :reason, ended_at = clock_timestamp()
    where transfer_id = :transfer_id
""")
_NUMBER = text("select number from cases where case_id = :case_id")
# Row-level security shows an organisation those that it made or was made, and the numbers of what
# it owns.
_LISTED = text("""
    select transfer_id, number, from_owner, to_owner, ground, shown, offered_at, lapses_at, reason,
           case when state = 'offered' and lapses_at <= clock_timestamp() then 'lapsed'
                else state end as state
    from transfers left join cases using (case_id)
    order by offered_at desc, transfer_id limit 200
""")


async def party(connection: AsyncConnection, code: str) -> tuple[str, str] | None:
    """(kind, channel) of an organisation of the directory."""
    row = (await connection.execute(_PARTY, {"code": code})).first()
    return None if row is None else (row.kind, row.channel)


async def add(connection: AsyncConnection, new: NewOffer) -> Any:
    """Write an offer; the moment at which it lapses, None where another of the case is open."""
    await connection.execute(_LAPSE, {"case_id": new.case_id})
    values = {name: getattr(new, name) for name in NewOffer.__slots__}
    given = values | {"shown": json.dumps(values["shown"]), "days": LAPSES_AFTER_DAYS}
    return await connection.scalar(_ADD, given)


async def find(
    connection: AsyncConnection, transfer_id: UUID, *, lock: bool = False
) -> Offer | None:
    """One offer, by whomever it was made."""
    found = await connection.execute(_LOCK if lock else _FIND, {"transfer_id": transfer_id})
    row = found.first()
    return None if row is None else Offer(**row._mapping)


async def open_of(connection: AsyncConnection, cases: Collection[UUID]) -> list[Offer]:
    """The offers of these cases that nobody has ended, locked."""
    found = await connection.execute(_OPEN, {"cases": list(cases)})
    return [Offer(**row._mapping) for row in found]


async def end(
    connection: AsyncConnection, transfer_id: UUID, state: str, *, reason: str | None = None
) -> None:
    """Write what came of it."""
    given = {"transfer_id": transfer_id, "state": state, "reason": reason}
    await connection.execute(_END, given)


async def number_of(connection: AsyncConnection, case_id: UUID) -> str | None:
    """The number of a case; None once it is erased."""
    number: str | None = await connection.scalar(_NUMBER, {"case_id": case_id})
    return number


async def listed(connection: AsyncConnection) -> list[dict[str, Any]]:
    """The newest 200 that concern the reading organisation."""
    rows = [dict(row._mapping) for row in await connection.execute(_LISTED)]
    return [row | {"shown": _loaded(row["shown"])} for row in rows]


def _loaded(value: Any) -> dict[str, Any]:
    loaded: dict[str, Any] = json.loads(value) if isinstance(value, str) else value
    return loaded
