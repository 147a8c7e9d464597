"""The policy "all": what Siraba would tell if every cell of its matrix were open."""

from functools import cache

from contracts.policy import Cell, GroundRule, Policy, the_policy
from contracts.vocabulary import codes

ANY = frozenset({"*"})


@cache
def everything() -> Policy:
    """Everybody may know everything at every stage, on any ground at all."""
    groups = dict.fromkeys(codes("data_group"), Cell(access="full"))
    return Policy(
        version="all",
        matrix=dict.fromkeys(codes("reader"), groups),
        stages=dict.fromkeys(codes("stage"), groups),
        ground_rules=tuple(
            GroundRule(reader=reader, ground=ground, purposes=ANY, groups=ANY, from_kinds=ANY)
            for reader in codes("reader")
            for ground in codes("ground")
        ),
        fields=the_policy().fields,
    )
