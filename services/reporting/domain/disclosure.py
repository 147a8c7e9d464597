"""Which cells of published tables stay hidden, so that no small number can be computed from the rest.

A cell is a sum over groups of persons that nobody publishes by themselves (girl × region × form).
All cells that ever left the house stand in one system of such sums: a table that is safe alone may
tell what an earlier one hid. Source of k: CTDC's 11 in public (reference/trust.md §5), 5 inside.
"""

from collections import defaultdict
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

PUBLIC_K: Final = 11
INTERNAL_K: Final = 5
#: How many sums are asked for at a time where one exposed is enough to know.
_AT_ONCE: Final = 16
#: Who may see the cases behind the numbers, and so the numbers as they are.
EXACT: Final = ("data_officer", "operator")

#: The smallest and the largest that a sum over groups can be, given what is known.
Bounds = tuple[float, float]
#: (known sums, sums that are asked for) → the bounds of each that is asked for.
Solver = Callable[["Mapping[Groups, int]", "Sequence[Groups]"], list[Bounds]]
Groups = frozenset[str]


@dataclass(frozen=True, slots=True, kw_only=True)
class Cell:
    """A number of one table. name: as the table has it; groups: those it is the sum of."""

    name: str
    groups: Groups
    value: int


class Unpublishable(Exception):
    """Even with every cell hidden something small could be computed: from what was out before."""


def is_small(value: int, k: int) -> bool:
    """Whether the number points at somebody; nobody is pointed at by none."""
    return 0 < value < k


def step_for(role: str) -> int:
    """In which steps a role sees what is counted at this moment; 1: exactly.

    No register can know what somebody who asks again and again has seen, so a number that changes
    under the eyes is not hidden but rounded: nobody then knows better than within k how many came.
    """
    return 1 if role in EXACT else INTERNAL_K


def rounded_down(value: int, step: int) -> int:
    """The last multiple of the step."""
    return value - value % step


def hidden_cells(
    cells: Collection[Cell],
    *,
    k: int,
    published: Mapping[Groups, int],
    solve: Solver,
    wanted: Collection[str] = (),
    closed: Collection[str] = (),
) -> frozenset[str]:
    """The names of the cells to hide: the small ones, and as many others as it takes.

    published: the sums that are out already, of every release before. wanted: the cells that go
    last. closed: those that are hidden elsewhere. What `exposed` finds is mended by hiding the
    smallest cell that has to do with it, or that lies beside it in a sum which is shown. What a
    later step made needless is shown again, the largest first. Raises `Unpublishable`.
    """
    first = {cell.name for cell in cells if is_small(cell.value, k) or cell.name in closed}
    hidden = set(first)
    wide: set[Groups] = set()
    while narrow := exposed(cells, hidden, k=k, published=published, solve=solve, wide=wide):
        # What is out already cannot be taken back, and hiding a none hides nobody.
        left = [
            cell
            for cell in cells
            if cell.name not in hidden and cell.groups not in published and cell.groups
        ]
        hidden.add(_next(left, narrow, wanted=wanted).name)

    audit = _Audit(cells=cells, k=k, published=published, solve=solve)
    taken = sorted(
        (cell for cell in cells if cell.name in hidden - first),
        key=lambda cell: (-cell.value, cell.name),
    )
    return _shown_again(frozenset(hidden), _alike(taken), is_safe=audit.is_safe)


def _alike(cells: Sequence[Cell]) -> list[frozenset[str]]:
    """The names, and those of the very same things together: showing one shows all."""
    names: defaultdict[Groups, list[str]] = defaultdict(list)
    for cell in cells:
        names[cell.groups].append(cell.name)
    return [frozenset(some) for some in names.values()]


def _shown_again(
    hidden: frozenset[str],
    taken: Sequence[frozenset[str]],
    *,
    is_safe: Callable[[frozenset[str]], bool],
) -> frozenset[str]:
    """What stays hidden where as many of these as can be are shown: all at once, else by halves."""
    fewer = hidden.difference(*taken)
    if not taken or is_safe(fewer):
        return fewer
    if len(taken) == 1:
        return hidden
    half = len(taken) // 2
    for some in (taken[:half], taken[half:]):
        hidden = _shown_again(hidden, some, is_safe=is_safe)
    return hidden


def _next(left: Collection[Cell], narrow: Sequence[Groups], *, wanted: Collection[str]) -> Cell:
    free = [cell for cell in left if cell.name not in wanted]
    near = frozenset().union(*(cell.groups for cell in left if _touches(cell, narrow)))
    choices = (
        [cell for cell in free if _touches(cell, narrow)],
        [cell for cell in free if cell.groups & near],
        free,
        left,
    )
    for some in choices:
        if some:
            return min(some, key=lambda cell: (cell.value, cell.name))
    raise Unpublishable


def exposed(
    cells: Collection[Cell],
    hidden: Collection[str],
    *,
    k: int,
    published: Mapping[Groups, int],
    solve: Solver,
    wide: set[Groups] | None = None,
) -> list[Groups]:
    """The audit: each hidden cell and each group that somebody could compute too closely.

    That is a number which may be below k, is not known to be none, and whose feasible interval is
    less than k wide. A sum of groups that is pinned below k pins each of its groups below k, so no
    sum or difference of many tables is forgotten by asking for each group. wide: those that were
    wide enough with fewer cells hidden, and are so the more now; what is found is added.
    """
    wide = set() if wide is None else wide
    known, asked = _known(cells, hidden, published), _asked(cells, hidden, published)
    ordered = sorted(asked - wide, key=sorted)
    found = list(zip(ordered, solve(known, ordered), strict=True))
    wide |= {one for one, (least, most) in found if most - least >= k}
    return [one for one, bounds in found if _is_narrow(bounds, k)]


@dataclass(frozen=True, slots=True, kw_only=True)
class _Audit:
    """Whether nothing is exposed, which one that is answers: asked first what was so before."""

    cells: Collection[Cell]
    k: int
    published: Mapping[Groups, int]
    solve: Solver
    _before: dict[Groups, None] = field(default_factory=dict)

    def is_safe(self, hidden: Collection[str]) -> bool:
        """The same as that `exposed` finds nothing."""
        known = _known(self.cells, hidden, self.published)
        asked = _asked(self.cells, hidden, self.published)
        suspected = [one for one in self._before if one in asked]
        ordered = suspected + sorted(asked.difference(suspected), key=sorted)
        for at in range(0, len(ordered), _AT_ONCE):
            some = ordered[at : at + _AT_ONCE]
            for one, bounds in zip(some, self.solve(known, some), strict=True):
                if _is_narrow(bounds, self.k):
                    self._before[one] = None
                    return False
        return True


def _known(
    cells: Collection[Cell], hidden: Collection[str], published: Mapping[Groups, int]
) -> dict[Groups, int]:
    return {**published, **{cell.groups: cell.value for cell in cells if cell.name not in hidden}}


def _asked(
    cells: Collection[Cell], hidden: Collection[str], published: Mapping[Groups, int]
) -> set[Groups]:
    groups = frozenset().union(*published, *(cell.groups for cell in cells))
    sums = {cell.groups for cell in cells if cell.name in hidden and cell.groups}
    return sums | {frozenset((group,)) for group in groups}


def _is_narrow(bounds: Bounds, k: int) -> bool:
    least, most = bounds
    return most > 0 and least < k and most - least < k


def _touches(cell: Cell, narrow: Sequence[Groups]) -> bool:
    return any(cell.groups & groups for groups in narrow)
