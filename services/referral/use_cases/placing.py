"""Placing a group: the problem, its solution, and the plan that a human looks at."""

from typing import Protocol

from services.referral.domain.placement import (
    Group,
    Plan,
    Program,
    Solution,
    explain,
    filled,
    programs_of,
)


class Solver(Protocol):
    """Chooses among options; arithmetic that keeps a core busy for as long as it takes."""

    def solve(self, program: Program) -> Solution:
        """The best choice for the program's goals."""


def place_group(group: Group, *, solver: Solver) -> Plan:
    """A proposal for every person of the group; call it again with other wishes to change it.

    Raises `WishRefused` for a pin that a rule does not allow. Takes some seconds for hundreds of
    persons: on a thread, where a loop must go on.
    """
    programs = programs_of(group)
    solved = [(one, filled(one, solver.solve(one))) for one in programs]
    return explain(group, solved)
