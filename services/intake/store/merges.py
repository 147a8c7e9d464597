"""Which cases are of one person: a tree of merges, whose root says who owns them all."""

from collections.abc import Collection, Sequence
from uuid import UUID

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from services.intake.domain.duplicates import Case

# Whoever merges is alone; whoever acts on a person holds the merges still. Before any row is taken.
_ALONE = text("select pg_advisory_xact_lock(hashtextextended('siraba.merges', 0))")
_STILL = text("select pg_advisory_xact_lock_shared(hashtextextended('siraba.merges', 0))")
_ROOT = text("""
    with recursive above as (
        select case_id, merged_into from cases where case_id = :case_id
        union all
        select cases.case_id, cases.merged_into from cases
        join above on cases.case_id = above.merged_into
    )
    select case_id, owner, coalesce(first_owner, owner) as first_owner, registered_at,
           closed_at is not null as is_closed
    from cases where case_id = (select case_id from above where merged_into is null)
""")
_BELOW = text("""
    with recursive below as (
        select cast(:case_id as uuid) as case_id
        union all
        select cases.case_id from cases join below on merged_into = below.case_id
    )
    select case_id from below order by case_id
""")
_TAKE = text("""
    select case_id from cases where case_id = any(cast(:cases as uuid[]))
    order by case_id for update
""")
_LINK = text("update cases set merged_into = :parent where case_id = :child")
_HAND_OVER = text("""
    update cases set owner = :owner, first_owner = coalesce(first_owner, owner)
    where case_id = any(cast(:cases as uuid[]))
""")
# Whoever has it by a transfer has it by right: it comes back to nobody when a merge is undone.
_TRANSFER = text("update cases set first_owner = null where case_id = :root")
_TELL_ROOTS = text("""
    update duplicates set
        earlier_first_owner = case earlier when :root then :owner else earlier_first_owner end,
        later_first_owner = case later when :root then :owner else later_first_owner end
    where earlier = :root or later = :root
""")
# A pair shows, and asks, whoever owns its cases now; so does a request to see another's dossier.
_TELL_PAIRS = text("""
    update duplicates set earlier_owner = one.owner, later_owner = other.owner
    from cases as one, cases as other
    where one.case_id = earlier and other.case_id = later
      and (earlier = any(cast(:cases as uuid[])) or later = any(cast(:cases as uuid[])))
""")
_TELL_EXCEPTIONS = text("""
    update exceptions set owner = :owner
    where case_id = any(cast(:cases as uuid[])) and until is null
""")
# Whoever had it by a transfer, and was told its file as its owner, is not any more.
_END_READING = text("""
    update disclosures set ended_at = clock_timestamp()
    where case_id = any(cast(:cases as uuid[])) and organisation <> :owner and ended_at is null
      and referral_id in (select transfer_id from transfers)
""")
_REOPEN = text("""
    update duplicates set state = 'open' where state = 'merged' and child is null
      and (earlier = any(cast(:cases as uuid[]))) <> (later = any(cast(:cases as uuid[])))
""")


async def be_alone(connection: AsyncConnection) -> None:
    """From now until this transaction ends nobody else merges, and nobody acts on a person."""
    await connection.execute(_ALONE)


async def hold(connection: AsyncConnection) -> None:
    """From now until this transaction ends nobody merges or unmerges."""
    await connection.execute(_STILL)


async def root(connection: AsyncConnection, case_id: UUID) -> Case:
    """The case under which this one's person counts; itself when it is merged into no other."""
    row = (await connection.execute(_ROOT, {"case_id": case_id})).one()
    return Case(**row._mapping)


async def below(connection: AsyncConnection, case_id: UUID) -> list[UUID]:
    """This case and all that is merged into it, in the order of their ids."""
    return list(await connection.scalars(_BELOW, {"case_id": case_id}))


async def person(connection: AsyncConnection, case_id: UUID) -> list[UUID]:
    """Every case of this one's person, in the order of their ids; merges are held still."""
    await hold(connection)
    return await below(connection, (await root(connection, case_id)).case_id)


async def take(connection: AsyncConnection, cases: Collection[UUID]) -> None:
    """Lock the rows of cases, in the order in which everybody does."""
    await connection.execute(_TAKE, {"cases": list(cases)})


async def link(connection: AsyncConnection, child: UUID, parent: UUID | None) -> None:
    """Merge a case into another, or into none any more."""
    await connection.execute(_LINK, {"child": child, "parent": parent})


async def hand_over(connection: AsyncConnection, cases: Sequence[UUID], owner: str) -> None:
    """From now on these are this organisation's, and so are the decisions about them."""
    moved = {"cases": list(cases), "owner": owner}
    await connection.execute(_HAND_OVER, moved)
    await connection.execute(_TELL_PAIRS, {"cases": moved["cases"]})
    await connection.execute(_TELL_EXCEPTIONS, moved)
    await connection.execute(_END_READING, moved)


async def transfer(
    connection: AsyncConnection, root: UUID, cases: Sequence[UUID], *, owner: str
) -> None:
    """A whole person has another owner; what is merged into `root` still knows its own first one."""
    await hand_over(connection, cases, owner)
    await connection.execute(_TRANSFER, {"root": root})
    await connection.execute(_TELL_ROOTS, {"root": root, "owner": owner})


async def reopen_split(connection: AsyncConnection, cases: Sequence[UUID]) -> None:
    """Pairs that were merged by way of others, and of which one case is among these, are open."""
    await connection.execute(_REOPEN, {"cases": list(cases)})
