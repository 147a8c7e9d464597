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
#: What the owner has to do itself.
DUTIES: Final[Mapping[str, str]] = {
    "slavery_is_reported": N_(
        "Slavery is an offence that whoever serves the public must report to the prosecutor (Penal Code, art. 324-26). Tell the person first, then record the legal obligation as ground."
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
    "on_duty_holiday": N_(
        "Somebody is on duty there before an answer is due, as %(holiday)s is a legal holiday."
    ),
    "off_duty_holiday": N_(
        "Nobody is on duty there before an answer is due: %(urgency)s,"
        " and %(holiday)s is a legal holiday."
    ),
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
#: Why a plan places somebody where it does. The last three name what would have been better for her.
PLACED: Final[Mapping[str, str]] = {
    "in_her_cercle": N_("The place is in the person’s own cercle."),
    "in_her_region": N_("The place is in the person’s own region."),
    "serves_her_region": N_("The place is in another region, and serves the person’s."),
    "serves_everywhere": N_("The place is in another region, and serves the whole country."),
    "understood": N_("No language stands between the person and those who take her in."),
    "not_understood": N_("Nobody there is known to speak a language of the person’s."),
    "open_to": N_("Organisations that could take her by their limits: %(open_to)s."),
    "family_together": N_("Members of the family who go there together: %(with_family)s."),
    "chosen": N_("A person who answers for the incident chose this place."),
    "better_places": N_("Better for her, but the places are taken by others: %(organisations)s."),
    "better_apart": N_(
        "Better for her, but who is also suspected is not lodged with the others:"
        " %(organisations)s."
    ),
    "better_unsure": N_(
        "Better for her, perhaps; the search for the best plan had to stop: %(organisations)s."
    ),
}
#: The rules that leave somebody of a plan without a place: the fewest that would open one.
BINDING: Final[Mapping[str, str]] = {
    "service": N_("No organisation gives this service."),
    "zone": N_("The place where the person is, is not served by: %(would_open)s."),
    "profile": N_(
        "By sex, age, citizenship or exploitation the person is not for: %(would_open)s."
    ),
    "consent": N_("Neither consent nor another ground allows telling: %(would_open)s."),
    "refused": N_("Barred for her by a rule, or asked before: %(would_open)s."),
    "safety": N_("Too near to the danger: %(would_open)s."),
    "forbidden": N_("Not wanted for her by whoever answers for the incident: %(would_open)s."),
    "pinned": N_("Whoever answers for the incident chose another place than: %(would_open)s."),
    "places": N_("Not enough places are left at: %(would_open)s."),
    "family": N_("There is no room for the family together at: %(would_open)s."),
    "apart": N_("Who is also suspected is not lodged with the others at: %(would_open)s."),
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
