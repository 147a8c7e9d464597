"""What each reason of routing is in words: a sentence that an officer understands."""

from collections.abc import Mapping
from typing import Final


def N_(words: str) -> str:
    """The words as they are: gettext's own name for a mark by which they come into the catalogues."""
    return words


#: Why a service is asked for: that somebody needs it, or the rule that demands it.
WHY: Final[Mapping[str, str]] = {
    "need": N_("The person needs this service, by the assessment of her case."),
    "child_to_social_service": N_(
        "A child is told to the social service within 24 hours, whether or not anybody asked for it."
    ),
    "reprisal_to_security": N_(
        "Descent-based slavery at high risk: somebody keeps the person safe within 24 hours."
    ),
}
#: Why an organisation that gives the service is not asked.
EXCLUDED: Final[Mapping[str, str]] = {
    "owner": N_("It is responsible for the case itself."),
    "asked_before": N_("It was asked for this before; it stands at: %(state)s."),
    "suspended": N_("It is suspended and asked for nothing."),
    "area": N_("It does not serve the place where the person is: %(place)s."),
    "sex": N_("It takes only persons of this sex: %(sexes)s."),
    "age": N_("It takes only persons %(ages)s."),
    "age_unknown": N_("It takes only persons %(ages)s, and the person’s age is not known."),
    "citizenship": N_("It takes only nationals of: %(citizenship)s."),
    "exploitation": N_("It takes only victims of: %(exploitation)s."),
    "consulate_of_others": N_(
        "A consulate is asked for its own nationals only, and for nobody who is also Malian."
    ),
    "near_the_masters": N_(
        "In slavery no chief and no local committee is asked: they may be close to the masters."
    ),
    "civilians_first": N_("A child who was with an armed group goes to civilians first."),
    "too_near": N_("The person must not stay in the cercle of the danger: %(cercle)s."),
    "no_ground": N_("Nothing allows telling it: neither consent nor another ground."),
    "consulate_not_named": N_("A consulate is asked only where the consent names it."),
    "no_room": N_("It has no place left, as counted %(age)s ago."),
}
#: How an organisation that may be asked answers the questions by which it is ranked.
RANKED: Final[Mapping[str, str]] = {
    "on_duty": N_("Somebody is on duty there before an answer is due."),
    "off_duty": N_("Nobody is on duty there before an answer is due: %(urgency)s."),
    "named": N_("The person’s consent names it."),
    "not_named": N_("The person’s consent does not name it."),
    "same_cercle": N_("It is in the same cercle: %(cercle)s."),
    "same_region": N_("It is in the same region: %(cercle)s."),
    "neighbouring_region": N_("It is in a neighbouring region: %(cercle)s."),
    "elsewhere": N_("It is elsewhere in the country: %(cercle)s."),
    "room": N_("It has this many places left: %(room)s, as counted %(age)s ago."),
    "room_not_counted": N_("It has not counted its places."),
    "room_long_ago": N_("It had this many places left: %(room)s, but counted them %(age)s ago."),
    "no_record": N_("It has answered nothing yet."),
    "record": N_("Of its last %(of)s requests it answered %(in_time)s in time."),
    "poor_record": N_("Of its last %(of)s requests it answered only %(in_time)s in time."),
    "no_promise": N_("It has not said how soon it answers."),
    "promised": N_("It promises to answer soon enough: %(urgency)s."),
    "promised_late": N_("It promises no answer that is soon enough: %(urgency)s."),
    "language_not_known": N_("There was no language to compare."),
    "language": N_("It speaks a language of the person’s: %(languages)s."),
    "no_common_language": N_("It speaks no language of the person’s: %(languages)s."),
}
#: What put the first before the second, or whoever was asked before all others.
DECIDED: Final[Mapping[str, str]] = {
    "duty": N_("It comes before the second because somebody is there in time."),
    "wish": N_("It comes before the second because the person named it."),
    "distance": N_("It comes before the second because it is nearer."),
    "room": N_("It comes before the second because of the places it has counted."),
    "record": N_("It comes before the second because it has answered in time more often."),
    "promise": N_("It comes before the second because it promises to answer sooner."),
    "language": N_("It comes before the second because it speaks the person’s language."),
    "code": N_("It is as good as the second, and comes first by its code."),
    "person": N_("A person who answers for the case chose whom to ask."),
    "group": N_("All persons of the incident were placed together, and this was the best for all."),
}
AGES: Final[Mapping[str, str]] = {
    "between": N_("from %(age_min)s to %(age_max)s years of age"),
    "from": N_("from %(age_min)s years of age"),
    "up_to": N_("up to %(age_max)s years of age"),
}
FRAME: Final[Mapping[str, str]] = {
    "asked": N_("%(service)s (%(urgency)s): asked of %(organisation)s"),
    "nobody": N_("%(service)s (%(urgency)s): nobody was asked"),
    "decided_at": N_("Decided on %(moment)s UTC by the rules of %(rules)s."),
    "excluded": N_("Not asked:"),
    "others": N_("Organisations that do not give this service: %(others)s."),
}
