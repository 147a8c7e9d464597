"""Weighing who is asked for a need: a case as routing sees it, and what was weighed, to be kept.

What is kept of one choice:
  rules      the version of the rules
  why        `need`, or the rule that demands the service
  duties     what the law has the owner do itself; missing in choices of before 2026-12-03
  decided_by the question that put the first before the second, if there is a second
  ranked     [organisation, kind, unit, [reason, …]] of the first that may be asked, best first
  more       the codes of the others that may be asked, in their order
  excluded   [reason, [organisation, …]] of those that give the service and are not asked
  others     how many organisations do not give it at all
A reason is [code, data]. Nothing of the person is in it but what her case has in coded facts.
"""

from collections.abc import Mapping
from typing import Any, Final

from contracts.intake import CaseRegistered
from contracts.vocabulary import territory
from services.referral.domain.routing import (
    VERSION,
    Ranked,
    Reason,
    Route,
    Situation,
    View,
    duties_of,
    reasons,
    route,
)

#: Of so many that may be asked it is kept how each was judged.
JUDGED: Final = 10


def situation_of(facts: CaseRegistered, *, owner: str, owner_kind: str) -> Situation | None:
    """The case as the rules ask about it; None while it has no place or urgency."""
    if facts.region is None or facts.urgency is None:
        return None
    return Situation(
        owner=owner,
        owner_kind=owner_kind,
        sex=facts.sex,
        age_band=facts.age_band,
        region=facts.region,
        cercle=facts.cercle,
        neighbours=frozenset(territory(facts.region).neighbours),
        citizenship=frozenset(facts.citizenship),
        exploitation=frozenset(facts.exploitation),
        offence_class=facts.offence_class,
        risk=facts.risk,
        urgency=facts.urgency,
        needs=facts.needs,
        languages=frozenset(facts.languages),
    )


def weigh(view: View, asked: Mapping[str, str]) -> tuple[Route, dict[str, Any]]:
    """Whom to ask, and what is kept of how that was found."""
    found = route(view, asked)
    return found, _kept(found)


def _kept(found: Route) -> dict[str, Any]:
    return {
        "rules": VERSION,
        "why": found.view.need.why,
        "duties": duties_of(found.view.case),
        "decided_by": found.decided_by,
        "ranked": [_judged(found.view, one) for one in found.ranked[:JUDGED]],
        "more": [one.code for one in found.ranked[JUDGED:]],
        "excluded": [[_said(why), codes] for why, codes in found.excluded],
        "others": found.others,
    }


def _judged(view: View, one: Ranked) -> list[Any]:
    said = [_said(why) for why in reasons(view, one)]
    return [one.code, one.organisation.kind, one.unit.name, said]


def _said(why: Reason) -> list[Any]:
    data = {name: sorted(d) if isinstance(d, frozenset) else d for name, d in why.data}
    return [why.code, data]
