"""By indicator, what the oracle says that it counts and, where it has one, what out of."""

from collections.abc import Callable, Iterator

from tests.reporting import oracle_of_care as care
from tests.reporting import oracle_of_files as outcomes
from tests.reporting.oracle import (
    Item,
    Oracle,
    accepted,
    assisted,
    cases,
    delivered,
    files,
    in_court,
    j2,
    j3_suspects,
    j4,
    j5,
    r1,
    r2,
    r3,
    r4,
    r5,
    r6,
    v1,
    v2,
)  # fmt: skip

ASKED: dict[str, tuple[Callable[[Oracle], Iterator[Item]], ...]] = {
    "V1": (v1,),
    "V2": (v2,),
    "V3": (care.v3, v1),
    "V5": (care.v5, care.enslaved),
    "V6": (lambda oracle: assisted(oracle, migrants=True),),
    "A1": (lambda oracle: assisted(oracle, migrants=False),),
    "A2": (care.a2,),
    "A3": (care.a3,),
    "A4": (care.a4,),
    "A5": (care.a5, care.at_home),
    "R1": (r1,),
    "R2": (r2,),
    "R3": (r3, r2),
    "R4": (r4, accepted),
    "R5": (r5, delivered),
    "R6": (r6,),
    "J1": (lambda oracle: files(oracle, lambda words: min(one.body.on for one in words)),),
    "J2": (j2,),
    "J3F": (lambda oracle: files(oracle, in_court),),
    "J3S": (j3_suspects,),
    "J4": (j4,),
    "J5": (j5, j2),
    "J6C": (outcomes.in_court, outcomes.opened),
    "J6V": (outcomes.convicted, outcomes.in_court),
    "J7V": (outcomes.compensated,),
    "J8": (outcomes.takes_part, v2),
    "J8H": (outcomes.held,),
    "S1": (care.s1,),
    "Q1": (
        lambda oracle: cases(oracle, complete=True),
        lambda oracle: cases(oracle, complete=False),
    ),
}
