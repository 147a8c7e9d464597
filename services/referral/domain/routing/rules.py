"""The rules that hold before any need is looked at, each with its source.

A demand asks for a service that nobody ticked; a ban leaves an organisation out; a duty is the
owner's own, which no referral does for it.
Whoever changes a rule changes VERSION, which every explanation names, and docs/routing.md.
"""

from collections.abc import Callable
from typing import Final

from services.referral.domain.routing.organisations import Candidate, Unit
from services.referral.domain.routing.reasons import Reason, because
from services.referral.domain.routing.situation import Need, Situation, sooner

VERSION: Final = "2026-12-03"

_NEIGHBOURS_OF_MASTERS: Final = frozenset({"traditional", "committee_local"})
_PUBLIC_AGENTS: Final = frozenset(
    {
        "police",
        "gendarmerie",
        "social",
        "health",
        "civil_protection",
        "committee",
        "committee_local",
    }
)
_ARMED_OR_ACCUSING: Final = frozenset({"police", "gendarmerie", "justice"})
#: Services for which the person goes and stays where they are given.
STAYING: Final = frozenset({"shelter"})


def child_to_social_service(case: Situation) -> Need | None:
    """A child is told to the social service within 24 hours, whether or not anybody ticked it.

    Source: course of a case under the national referral mechanism, “personne détectée: social
    service if child (24 h)”; the priority is the inter-agency form's “Emergency (24 h)”.
    """
    if not case.is_child:
        return None
    return _demand(case, "child_protection", "child_to_social_service")


def reprisal_to_security(case: Situation) -> Need | None:
    """Descent-based slavery at high risk: somebody keeps the person safe, within 24 hours.

    Source: “menace signalée (reprisal): police duty unit”, on the ground of vital interest;
    retaliation and murder in Kayes in July 2022.
    """
    if case.risk != "high" or "descent_based_slavery" not in case.exploitation:
        return None
    return _demand(case, "immediate_safety", "reprisal_to_security")


def consulate_by_name_only(case: Situation, one: Candidate, need: Need) -> Reason | None:
    """A consulate is asked only for its own nationals. That consent must name it is judged apart.

    Source: “retour, remise consulaire: consulate only with consent (adult) or best-interests
    decision (child)”; which of the two, the need-to-know policy checks (contracts/policy).
    """
    if one.kind != "consular":
        return None
    serves = one.services[need.service].citizenship
    if case.is_foreign and serves & case.citizenship:
        return None
    return because("consulate_of_others", citizenship=case.citizenship)


def no_neighbour_of_the_masters(case: Situation, one: Candidate, need: Need) -> Reason | None:
    """In slavery no traditional authority and no local committee is asked.

    Source: U.S. Trafficking in Persons Report on Mali 2020, “in Mali communities, not single
    families, exploit”: a chief or a notable may be a master, or a master's neighbour.
    """
    if case.is_slavery and one.kind in _NEIGHBOURS_OF_MASTERS:
        return because("near_the_masters", kind=one.kind)
    return None


def armed_group_child_to_civilians(case: Situation, one: Candidate, need: Need) -> Reason | None:
    """A child who was with an armed group goes to civilians, unless its life is in danger now.

    Source: Trafficking in Persons Report on Mali 2019, recommendation to apply the handover
    protocol for children of armed groups; report of 2022, most were referred to international
    organisations.
    """
    is_meant = case.is_child and "child_with_armed_group" in case.exploitation
    if is_meant and need.urgency != "vital_1h" and one.kind in _ARMED_OR_ACCUSING:
        return because("civilians_first", kind=one.kind)
    return None


def away_from_danger(case: Situation, one: Candidate, need: Need) -> Reason | None:
    """At high risk, and in descent-based slavery at any, nobody stays in the cercle of the danger.

    Source: “community-level cases, reprisal risk, exact village = danger”; retaliation and murder
    in Kayes in July 2022. Where the cercle is not known this cannot be judged, and is not.
    """
    if need.service in STAYING and all(is_too_near(case, unit, need) for unit in one.units):
        return because("too_near", cercle=case.cercle)
    return None


def is_too_near(case: Situation, unit: Unit, need: Need) -> bool:
    """Whether the person must not stay at this unit, by `away_from_danger`."""
    is_hunted = case.risk == "high" or "descent_based_slavery" in case.exploitation
    return is_hunted and need.service in STAYING and unit.cercle == case.cercle


def slavery_is_reported(case: Situation) -> bool:
    """Whoever serves the public reports slavery to the prosecutor; the person hears so beforehand.

    Source: Penal Code (law 2024-027 of 13 December 2024), art. 324-26, a public agent who does not
    report it commits an offence; “the legal duty, shown to the victim beforehand”. Telling is left to
    the owner: a demand would tell of her before she heard, and legal obligation is a ground to record.
    """
    return case.is_slavery and case.owner_kind in _PUBLIC_AGENTS


DEMANDS: Final[tuple[Callable[[Situation], Need | None], ...]] = (
    child_to_social_service,
    reprisal_to_security,
)
BANS: Final[tuple[Callable[[Situation, Candidate, Need], Reason | None], ...]] = (
    consulate_by_name_only,
    no_neighbour_of_the_masters,
    armed_group_child_to_civilians,
    away_from_danger,
)

DUTIES: Final[tuple[Callable[[Situation], bool], ...]] = (slavery_is_reported,)


def needs_of(case: Situation) -> list[Need]:
    """What is to be asked for: what rules demand first, then what was ticked, none twice.

    A rule never makes an answer due later than the officer who assessed the case did.
    """
    found = (demand(case) for demand in DEMANDS)
    demanded = {one.service: one for one in found if one is not None}
    ticked = [
        Need(service=service, urgency=case.urgency)
        for service in dict.fromkeys(case.needs)
        if service not in demanded
    ]
    return [*demanded.values(), *ticked]


def duties_of(case: Situation) -> list[str]:
    """The codes of what the law has the owner of the case do itself."""
    return [duty.__name__ for duty in DUTIES if duty(case)]


def banned(case: Situation, one: Candidate, need: Need) -> Reason | None:
    """The first rule that leaves this organisation out."""
    for ban in BANS:
        if (why := ban(case, one, need)) is not None:
            return why
    return None


def _demand(case: Situation, service: str, rule: str) -> Need:
    return Need(service=service, urgency=sooner("emergency_24h", case.urgency), why=rule)
