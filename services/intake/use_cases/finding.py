"""Finding the same person in two cases, without opening a dossier or seeing a name."""

from collections import Counter
from collections.abc import Iterable, Sequence
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncConnection

from contracts.identifiers import Mint
from services.intake.domain.duplicates import in_order
from services.intake.domain.fingerprints import KINDS, Agreement, Fingerprint, agreement
from services.intake.store import fingerprints
from services.intake.store.fingerprints import Near, NewPair

BATCH = 100
#: Of what agrees with one new case, the surest; more than a human can look at helps nobody.
CANDIDATES = 50
_SUREST = {kind: place for place, kind in enumerate(KINDS)}


async def search_some(connection: AsyncConnection, *, mint: Mint) -> int | None:
    """Search for up to `BATCH` new cases; how many these were. None: another process searches.

    A case is searched for after it is committed, one searcher at a time: of two cases the one that
    is searched for later meets the other.
    """
    if not await fingerprints.may_search(connection):
        return None
    new = await fingerprints.not_searched(connection, size=BATCH)
    if new:
        judged = _surest(await fingerprints.near(connection, new))
        met = {case_id for one, _ in judged for case_id in (one.case_id, one.other_id)}
        held = await fingerprints.hold(connection, met)
        pairs = []
        for one, agreed in judged:
            if one.case_id in held and one.other_id in held:
                earlier, later = in_order(held[one.case_id], held[one.other_id])
                pairs.append(
                    NewPair(
                        pair_id=mint.opaque_id(),
                        earlier=earlier,
                        later=later,
                        kind=agreed.kind,
                        agreed=agreed.agreed,
                    )
                )
        await fingerprints.add_pairs(connection, pairs)
        await fingerprints.searched(connection, new)
    return len(new)


def _surest(near: Iterable[Near]) -> list[tuple[Near, Agreement]]:
    judged = [(one, found) for one in near if (found := _agreement(one)) is not None]
    judged.sort(key=lambda pair: _SUREST[pair[1].kind])
    taken: Counter[UUID] = Counter()
    surest = []
    for one, found in judged:
        if taken[one.case_id] < CANDIDATES:
            taken[one.case_id] += 1
            surest.append((one, found))
    return surest


def _agreement(one: Near) -> Agreement | None:
    return agreement(_unpacked(one.tokens), _unpacked(one.other_tokens))


def _unpacked(tokens: Sequence[bytes]) -> frozenset[Fingerprint]:
    return frozenset(Fingerprint.unpacked(token) for token in tokens)
