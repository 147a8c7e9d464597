"""How often what happens in the synthetic decade.

Where a rate was published its place in `reference/domain.md` is named; all others are assumed, so
that no figure of the decade says anything about Mali.
"""

from collections.abc import Mapping
from itertools import accumulate
from random import Random
from typing import Final, Generic, TypeVar

from contracts.vocabulary import territories

T = TypeVar("T")


class Weighted(Generic[T]):
    """Things that are drawn as often as their weights say, which need not add up to anything."""

    def __init__(self, weights: Mapping[T, float]) -> None:
        self._things = tuple(weights)
        self._sums = tuple(accumulate(weights.values()))

    def draw(self, chance: Random) -> T:
        """One of them."""
        return chance.choices(self._things, cum_weights=self._sums)[0]


#: The population grows so much a year (domain §6, V4), and what is found with it.
GROWTH: Final = 1.033
#: Weight of each month: the gold sites and the roads north are busy in the dry season.
MONTHS: Final = Weighted(
    dict(zip(range(1, 13), (10, 10, 11, 10, 9, 7, 6, 5, 6, 7, 9, 10), strict=True))
)
#: Victims beside assisted migrants, and who they are, as published of 2024 (domain §1.4). Girls and
#: boys were not told apart there.
VICTIMS: Final = 629 / (629 + 822)
VICTIM_GROUPS: Final = Weighted({"girl": 190, "boy": 147, "woman": 250, "man": 42})
MIGRANT_GROUPS: Final = Weighted({"girl": 110, "boy": 146, "woman": 345, "man": 221})
#: Of 430 persons 291 were men and 113 women (domain §0); of the others nothing was told.
SUSPECT_SEXES: Final = Weighted({"male": 291, "female": 113, "unknown": 26})
#: 93 files on 629 victims, of which 81 before a judge, with 430 persons (domain §1.4).
FILES: Final = 93 / 629
PROSECUTED: Final = 81 / 93
SUSPECTS_A_FILE: Final = Weighted({1: 12, 2: 14, 3: 15, 4: 15, 5: 13, 6: 10, 8: 9, 12: 5})
#: 8 convictions on 430 persons; that as many judgments again end otherwise is assumed.
JUDGED: Final = 2 * 8 / 430
CONVICTED: Final = 0.5

BANDS: Final[Mapping[str, Weighted[str]]] = {
    "child": Weighted({"0-4": 3, "5-8": 12, "9-11": 20, "12-14": 31, "15-17": 34}),
    "adult": Weighted({"18-24": 41, "25-34": 33, "35-59": 22, "60+": 4}),
}
#: The forms that domain §1.3 tells of, by who is exploited.
FORMS: Final[Mapping[str, Weighted[str]]] = {
    "girl": Weighted(
        {"domestic_work": 35, "sexual_exploitation": 17, "descent_based_slavery": 13,
         "forced_marriage": 12, "forced_begging": 8, "gold_mining": 7, "to_be_determined": 5,
         "agriculture": 3}
    ),
    "boy": Weighted(
        {"forced_begging": 38, "gold_mining": 24, "agriculture": 14, "descent_based_slavery": 12,
         "child_with_armed_group": 6, "to_be_determined": 4, "domestic_work": 2}
    ),
    "woman": Weighted(
        {"sexual_exploitation": 37, "domestic_work": 19, "descent_based_slavery": 19,
         "forced_criminality": 10, "to_be_determined": 6, "forced_labour": 5, "debt_bondage": 4}
    ),
    "man": Weighted(
        {"descent_based_slavery": 30, "forced_criminality": 24, "gold_mining": 18,
         "forced_labour": 14, "debt_bondage": 9, "to_be_determined": 5}
    ),
}  # fmt: skip
#: What the law calls each form (domain §1.1, §5.2); every other form is trafficking.
OFFENCES: Final = {
    "descent_based_slavery": "slavery_practices",
    "debt_bondage": "slavery_practices",
    "forced_begging": "organised_begging",
}
_EVERYWHERE: Final = {one.ct: one.population_2022 for one in territories()}
#: Where it is found: descent-based slavery and gold in the west and the south, children with armed
#: groups in the centre and the north (domain §1.3); all else where people live, Bamako above all.
PLACES: Final[Mapping[str, Weighted[str]]] = {
    "descent_based_slavery": Weighted(
        {"01": 33, "12": 24, "11": 20, "06": 8, "07": 7, "14": 5, "08": 3}
    ),
    "gold_mining": Weighted({"01": 34, "15": 26, "03": 18, "02": 14, "12": 8}),
    "child_with_armed_group": Weighted({"05": 30, "19": 20, "18": 15, "06": 15, "07": 12, "10": 8}),
    "debt_bondage": Weighted({"09": 50, "06": 30, "07": 20}),
}
ANYWHERE: Final = Weighted(_EVERYWHERE | {"00": 2 * _EVERYWHERE["00"]})
#: Many of the women who are exploited sexually are Nigerian (domain §1.3).
CITIZENS: Final[Mapping[str, Weighted[str]]] = {
    "sexual_exploitation": Weighted({"MLI": 40, "NGA": 45, "BFA": 6, "GIN": 5, "CIV": 4}),
    "forced_criminality": Weighted({"MLI": 30, "GIN": 40, "BFA": 15, "CIV": 10, "SEN": 5}),
}
MALIANS: Final = Weighted({"MLI": 90, "BFA": 4, "GIN": 3, "NER": 2, "NGA": 1})
MIGRANTS: Final = Weighted(
    {"GIN": 30, "SEN": 14, "CIV": 14, "GMB": 9, "BFA": 12, "MLI": 16, "SLE": 5}
)
CHANNELS: Final = Weighted(
    {"police_operation": 22, "ngo": 20, "social_service": 13, "border_post": 9, "road_check": 8,
     "complaint": 7, "community_leader": 5, "iom_monitoring": 5, "hospital": 3, "hotline": 3,
     "self_report": 3, "anonymous_third_party": 2}
)  # fmt: skip
STATUSES: Final = Weighted(
    {"presumed": 46, "identified": 48, "recognised_by_court": 2, "not_a_victim": 4}
)
URGENCIES: Final = Weighted(
    {"vital_1h": 2, "emergency_24h": 18, "urgent_72h": 35, "normal_14d": 45}
)
NEEDS: Final[Mapping[str, Weighted[str]]] = {
    "child": Weighted(
        {"shelter": 26, "psychosocial": 19, "child_protection": 16, "health": 15,
         "family_tracing": 9, "reunification": 7, "education": 5, "legal_aid": 3}
    ),
    "adult": Weighted(
        {"psychosocial": 22, "shelter": 18, "health": 18, "legal_aid": 16,
         "reintegration": 9, "voluntary_return": 8, "food": 6, "vocational_training": 3}
    ),
}  # fmt: skip
NEEDS_A_PERSON: Final = Weighted({0: 12, 1: 34, 2: 34, 3: 20})
#: Days from finding somebody to registering the case, and from there to its being recorded, which
#: waits where there is no network.
DAYS_TO_REGISTER: Final = Weighted({0: 55, 1: 20, 3: 12, 9: 7, 35: 4, 120: 2})
DAYS_TO_RECORD: Final = Weighted({0: 88, 2: 7, 20: 3, 75: 2})
MERGED: Final = 0.015
UNMERGED: Final = 0.15
ERASURES: Final = Weighted(
    {None: 9960, "person_asks": 25, "retention_over": 5, "registered_in_error": 10}
)
#: How care ends, of citizens of Mali and of others; None where it goes on.
CLOSINGS: Final[Mapping[bool, Weighted[str | None]]] = {
    True: Weighted(
        {None: 45, "reintegrated": 22, "reunified": 16, "not_reached": 10, "refuses": 5,
         "repatriated": 2}
    ),
    False: Weighted({None: 35, "repatriated": 38, "not_reached": 20, "refuses": 7}),
}  # fmt: skip
CLOSED_IN_ERROR: Final = 0.02
#: Of the follow-ups that come due, and what is found.
FOLLOWED_UP: Final = 0.8
FOLLOWUP_OUTCOMES: Final = Weighted(
    {"well": 58, "needs_help": 22, "not_reached": 12, "refuses": 4, "in_danger": 2,
     "exploited_again": 1.5, "died": 0.5}
)  # fmt: skip
#: Of the returns that are planned.
RETURNS_DONE: Final = 0.95
RETURNS_WANTED: Final = 0.96
RETURNS_ASSESSED: Final = 0.9
#: For each person who is found.
SESSIONS: Final = 0.08
SESSIONS_TOLD_TWICE: Final = 0.05
SESSION_KINDS: Final = Weighted(
    {"talk": 38, "school": 14, "training": 13, "radio": 12, "door_to_door": 8, "theatre": 5,
     "advocacy": 4, "social_media": 4, "march": 2, "hotline": 30}
)  # fmt: skip
LANGUAGES: Final = Weighted(
    {"bambara": 55, "french": 14, "fulfulde": 10, "soninke": 8, "songhay": 7, "tamasheq": 6}
)
CORPS: Final = Weighted(
    {"police": 25, "gendarmerie": 25, "justice": 15, "social": 20, "health": 10, "ngo_rights": 5}
)
#: Of a referral that was offered: how it is answered, and what becomes of one that was accepted.
ANSWERS: Final = Weighted({"accepted": 68, "declined": 16, "overdue": 13, "withdrawn": 3})
ENDS: Final = Weighted({"delivered": 78, "not_delivered": 9, "started": 8, "accepted": 5})
#: Of what was delivered, so much its sender looks after and confirms.
CONFIRMED: Final = 0.62
DECLINES: Final = Weighted(
    {"capacity": 48, "out_of_area": 16, "profile": 14, "out_of_mandate": 12, "security": 6,
     "victim_refuses": 4}
)  # fmt: skip
FAILURES: Final = Weighted({"no_show": 35, "unreachable": 30, "moved_away": 20, "capacity": 15})
