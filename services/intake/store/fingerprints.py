"""Blind tokens by which a person is found again, and the pairs of cases that share some."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from uuid import UUID

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from services.intake.domain.duplicates import Case


@dataclass(frozen=True, slots=True, kw_only=True)
class Near:
    """A new case and one that shares a token with it, each with all of its tokens."""

    case_id: UUID
    tokens: Sequence[bytes]
    other_id: UUID
    other_tokens: Sequence[bytes]


@dataclass(frozen=True, slots=True, kw_only=True)
class NewPair:
    """Two cases that may be of one person. kind, agreed: the judgement, in codes."""

    pair_id: UUID
    earlier: Case
    later: Case
    kind: str
    agreed: tuple[str, ...]


#: Where half a region is called alike, a human cannot look at more.
AT_MOST = 500

_ALONE = text("select pg_try_advisory_xact_lock(hashtextextended('siraba.duplicates', 0))")
_NEW = text("select case_id from new_fingerprints order by case_id limit :size")
_NEAR = text("""
    select new.case_id, new.tokens, other.case_id as other_id, other.tokens as other_tokens
    from new_fingerprints as new cross join lateral (
        (select case_id, tokens from fingerprints where fingerprints.tokens && new.tokens
         limit :most)
        union all
        (select case_id, tokens from new_fingerprints as beside
         where case_id = any(cast(:cases as uuid[])) and case_id > new.case_id
           and beside.tokens && new.tokens limit :most)
    ) as other
    where new.case_id = any(cast(:cases as uuid[]))
""")
# Whoever erases or merges holds its cases, and is waited for: what is found is written as they are
# then. In the order in which everybody takes them.
_HOLD = text("""
    select case_id, owner, coalesce(first_owner, owner) as first_owner, registered_at from cases
    where case_id = any(cast(:cases as uuid[])) and number is not null
    order by case_id for key share
""")
_ADD = text("""
    insert into duplicates (pair_id, earlier, later, earlier_owner, earlier_first_owner,
                            later_owner, later_first_owner, kind, agreed)
    values (:pair_id, :earlier, :later, :earlier_owner, :earlier_first_owner, :later_owner,
            :later_first_owner, :kind, :agreed)
    on conflict (earlier, later) do nothing
""")
_MOVE = text("""
    with searched as (
        delete from new_fingerprints where case_id = any(cast(:cases as uuid[]))
        returning case_id, tokens
    )
    insert into fingerprints (case_id, tokens) select case_id, tokens from searched
""")


async def may_search(connection: AsyncConnection) -> bool:
    """Whether this transaction is the only one that searches."""
    return bool(await connection.scalar(_ALONE))


async def not_searched(connection: AsyncConnection, *, size: int) -> list[UUID]:
    """Up to so many cases that nobody has searched for yet."""
    return list(await connection.scalars(_NEW, {"size": size}))


async def near(connection: AsyncConnection, cases: Collection[UUID]) -> list[Near]:
    """What shares a token with one of these new cases, at most `AT_MOST` for each; a pair once."""
    found = await connection.execute(_NEAR, {"cases": list(cases), "most": AT_MOST})
    return [Near(**row._mapping) for row in found]


async def hold(connection: AsyncConnection, cases: Collection[UUID]) -> dict[UUID, Case]:
    """These cases, without those that are erased; they cannot be erased until we commit."""
    found = await connection.execute(_HOLD, {"cases": list(cases)})
    return {row.case_id: Case(**row._mapping) for row in found}


async def add_pairs(connection: AsyncConnection, pairs: Sequence[NewPair]) -> None:
    """Write pairs; one that is known stays as it is."""
    if pairs:
        await connection.execute(_ADD, [_row(pair) for pair in pairs])


async def searched(connection: AsyncConnection, cases: Collection[UUID]) -> None:
    """These can be found from now on."""
    await connection.execute(_MOVE, {"cases": list(cases)})


def _row(pair: NewPair) -> dict[str, object]:
    return {
        "pair_id": pair.pair_id,
        "earlier": pair.earlier.case_id,
        "later": pair.later.case_id,
        "earlier_owner": pair.earlier.owner,
        "earlier_first_owner": pair.earlier.first_owner,
        "later_owner": pair.later.owner,
        "later_first_owner": pair.later.first_owner,
        "kind": pair.kind,
        "agreed": list(pair.agreed),
    }
