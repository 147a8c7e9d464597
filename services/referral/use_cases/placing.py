"""Placing a group: the problem, its solution, and the plan that a human looks at."""

from typing import Protocol

from services.referral.domain.placement import (
    Group,
    NoPlan,
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
        """The best choice for the program's goals. Raises `NoPlan`."""


def place_group(group: Group, *, solver: Solver) -> Plan:
    """A proposal for every person of the group; call it again with other wishes to change it.

    Raises `WishRefused` for a pin that a rule does not allow. Takes some seconds for hundreds of
    persons: on a thread, where a loop must go on.
    """
    programs = programs_of(group)
    solved = [(one, filled(one, _solved(one, solver))) for one in programs]
    return explain(group, solved)


def _solved(program: Program, solver: Solver) -> Solution:
    """Of a solver that fails nobody is to suffer: then each goes where a place is found, one by one."""
    try:
        return solver.solve(program)
    except NoPlan:
        pinned = [at for at, option in enumerate(program.options) if option.is_pinned]
        return Solution(chosen=tuple(pinned), gap=1.0)
