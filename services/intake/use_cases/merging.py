"""Two owners decide whether two cases are one person's; a merge leaves one owner and can be undone."""

from collections.abc import Sequence
from dataclasses import dataclass
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncConnection

from chassis import audit, outbox
from chassis.audit import Look
from chassis.outbox import Outgoing
from contracts.callers import Caller
from contracts.intake import CaseMerged, CaseUnmerged
from services.intake.domain import duplicates as rules
from services.intake.domain.duplicates import DISMISSED, MERGED, Case, Pair
from services.intake.store import duplicates, merges, threats
from services.intake.store.duplicates import Word
from services.intake.use_cases.disclosing import Discloser

DECIDE, UNMERGE = "duplicate.decide", "duplicate.unmerge"


@dataclass(frozen=True, slots=True, kw_only=True)
class Deciding:
    """Who decides about which pair; trace: the hop to hand on."""

    who: Caller
    pair_id: UUID
    trace: str | None


async def decide_pair(
    connection: AsyncConnection, deciding: Deciding, *, same_person: bool, by: Discloser
) -> str | None:
    """Record one owner's word and do what now follows; where the pair stands. None: no such pair.

    Raises the kinds of `DuplicateRefused`.
    """
    pair = await _own_pair(connection, deciding, action=DECIDE)
    if pair is None:
        return None
    state = rules.state_after(pair, deciding.who.organisation, same_person=same_person)
    await _say(connection, deciding, same_person=same_person)
    if state != pair.state:
        merging = state == MERGED
        link = await _merge(connection, pair, deciding, by=by) if merging else None
        await duplicates.settle(connection, pair.pair_id, state, link=link)
    await _on_record(connection, deciding, pair, action=DECIDE, outcome=state)
    return state


async def unmerge_pair(
    connection: AsyncConnection, deciding: Deciding, *, by: Discloser
) -> str | None:
    """Undo what this very pair has merged, and nothing else. None: no such pair.

    Raises the kinds of `DuplicateRefused`.
    """
    pair = await _own_pair(connection, deciding, action=UNMERGE)
    if pair is None:
        return None
    child, _ = rules.link_to_undo(pair, deciding.who.organisation)
    person = await merges.root(connection, child.case_id)
    moved = await merges.below(connection, child.case_id)
    await merges.take(connection, await merges.below(connection, person.case_id))
    await merges.link(connection, child.case_id, None)
    await threats.heed(connection, moved)
    await threats.heed(connection, await merges.below(connection, person.case_id))
    await merges.hand_over(connection, moved, child.first_owner)
    await _say(connection, deciding, same_person=False)
    await duplicates.settle(connection, pair.pair_id, DISMISSED)
    await merges.reopen_split(connection, moved)
    said = _unmerged(child, moved, person, by=by, trace=deciding.trace)
    await outbox.add(connection, said)
    await _on_record(connection, deciding, pair, action=UNMERGE, outcome=DISMISSED)
    return DISMISSED


async def _own_pair(connection: AsyncConnection, deciding: Deciding, *, action: str) -> Pair | None:
    await merges.be_alone(connection)
    pair = await duplicates.pair(connection, deciding.pair_id)
    if pair is not None and deciding.who.organisation in pair.parties:
        return pair
    await audit.add(connection, deciding.who, [Look(action=action, outcome="not_found", shown=0)])
    return None


async def _merge(
    connection: AsyncConnection, pair: Pair, deciding: Deciding, *, by: Discloser
) -> tuple[UUID, UUID] | None:
    """The person of the later root is that of the earlier; None when it has been so already."""
    roots = [await merges.root(connection, one.case_id) for one in (pair.earlier, pair.later)]
    if roots[0] == roots[1]:
        return None
    parent, child = rules.in_order(*roots)
    moved = await merges.below(connection, child.case_id)
    person = [*moved, *await merges.below(connection, parent.case_id)]
    await merges.take(connection, person)
    await merges.link(connection, child.case_id, parent.case_id)
    await threats.heed(connection, person)
    await merges.hand_over(connection, moved, parent.owner)
    said = _merged(moved, parent, by=by, trace=deciding.trace)
    await outbox.add(connection, said)
    return child.case_id, parent.case_id


def _merged(
    moved: Sequence[UUID], into: Case, *, by: Discloser, trace: str | None, owner: str | None = None
) -> list[Outgoing]:
    event = CaseMerged(
        into=into.case_id, owner=owner or into.owner, merged_on=by.mint.moment().date()
    )
    return [by.announced(event, case_id, cause=None, trace=trace) for case_id in moved]


def _unmerged(
    child: Case, moved: Sequence[UUID], person: Case, *, by: Discloser, trace: str | None
) -> list[Outgoing]:
    """The case is its own again, and what was merged into it before counts under it again."""
    event = CaseUnmerged(
        out_of=person.case_id, owner=child.first_owner, unmerged_on=by.mint.moment().date()
    )
    others = [case_id for case_id in moved if case_id != child.case_id]
    return [
        by.announced(event, child.case_id, cause=None, trace=trace),
        *_merged(others, child, by=by, trace=trace, owner=child.first_owner),
    ]


async def _say(connection: AsyncConnection, deciding: Deciding, *, same_person: bool) -> None:
    word = Word(
        pair_id=deciding.pair_id,
        organisation=deciding.who.organisation,
        role=deciding.who.role,
        person=deciding.who.person,
        same_person=same_person,
    )
    await duplicates.say(connection, word)


async def _on_record(
    connection: AsyncConnection, deciding: Deciding, pair: Pair, *, action: str, outcome: str
) -> None:
    """Both cases' chains say who decided."""
    looks = [
        Look(action=action, case_id=one.case_id, outcome=outcome, shown=0)
        for one in (pair.earlier, pair.later)
    ]
    await audit.add(connection, deciding.who, looks)
