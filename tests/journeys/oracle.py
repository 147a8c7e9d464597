"""What routing must say, read by brute force from the directory file; no code of the services."""

import csv
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import Any

import yaml

from contracts import vocabulary

TERRITORIES = Path(vocabulary.__file__).with_name("territories.csv")
SOONEST_FIRST = ("vital_1h", "emergency_24h", "urgent_72h", "normal_14d")
# What a partner can make of an offer, and the steps that its referral then shows.
STEPS = {
    "silent": (),
    "receive": ("received",),
    "decline": ("received", "declined"),
    "accept": ("received", "accepted"),
    "complete": ("received", "accepted", "started", "delivered"),
}
Decide = Callable[..., str]


@dataclass(frozen=True, slots=True)
class Placed:
    """One offer that must exist: who is asked for what, as which in rank, and what they make of it."""

    service: str
    urgency: str
    organisation: str
    rank: int
    decision: str

    @property
    def steps(self) -> tuple[str, ...]:
        return ("offered", *STEPS[self.decision])


@dataclass(frozen=True, slots=True)
class Outcome:
    """Everything that must follow from one case; `unplaced` is service → reason."""

    offers: tuple[Placed, ...]
    unplaced: Mapping[str, str]


class Oracle:
    """Routing by the text of the rules, over the organisations of a directory file.

    decide(code, service=, region=, sex=, age_band=): what an organisation makes of an offer.
    """

    def __init__(self, directory_file: Path, decide: Decide) -> None:
        self.organisations = yaml.safe_load(directory_file.read_text("utf-8"))["organisations"]
        self._decide = decide
        rows = csv.DictReader(TERRITORIES.read_text("utf-8").splitlines())
        self._neighbours = {row["ct"]: set(row["neighbours"].split()) for row in rows}

    def feeds(self) -> set[str]:
        """The organisations that are told over NATS."""
        return {one["code"] for one in self.organisations if one["channel"] != "desk"}

    def outcome(self, owner: str, case: Mapping[str, Any]) -> Outcome:
        """Ask for each service until somebody does not decline."""
        offers: list[Placed] = []
        unplaced: dict[str, str] = {}
        for service, urgency in _services(case):
            made, reason = self._ask(owner, case, service, urgency)
            offers += made
            if reason is not None:
                unplaced[service] = reason
        return Outcome(tuple(offers), unplaced)

    def _ask(
        self, owner: str, case: Mapping[str, Any], service: str, urgency: str
    ) -> tuple[list[Placed], str | None]:
        made: list[Placed] = []
        candidates = self._candidates(owner, case, service)
        for rank, code in enumerate(candidates, start=1):
            shown = {name: case[name] for name in ("region", "sex", "age_band")}
            decision = self._decide(code, service=service, **shown)
            made.append(Placed(service, urgency, code, rank, decision))
            if decision != "decline":
                return made, None
            # Its owner is asked whom to ask next, where there is anybody left to be asked.
            if case["risk"] == "high" and rank < len(candidates):
                return made, "high_risk"
        return made, "none_left" if made else "no_candidate"

    def _candidates(self, owner: str, case: Mapping[str, Any], service: str) -> Sequence[str]:
        home, beside, elsewhere = [], [], []
        for one in sorted(self.organisations, key=lambda one: str(one["code"])):
            if one["code"] == owner or not _may(one, case, service):
                continue
            regions = {unit["cercle"][:2] for unit in one["units"]}
            if case["region"] in regions:
                home.append(one["code"])
            elif regions & self._neighbours[case["region"]]:
                beside.append(one["code"])
            else:
                elsewhere.append(one["code"])
        return [*home, *beside, *elsewhere]


def _may(one: Mapping[str, Any], case: Mapping[str, Any], service: str) -> bool:
    said_yes = any(
        (line["recipient_kind"], line["state"]) == (one["kind"], "given")
        and (line["by"] == "person") != _is_child(case)
        for line in case["consent"]
    )
    reaches = one["zones"] == ["*"] or case["region"] in {zone[:2] for zone in one["zones"]}
    for offer in one["services"]:
        if offer["service"] == service:
            return said_yes and reaches and _fits(offer, case)
    return False


def _fits(offer: Mapping[str, Any], case: Mapping[str, Any]) -> bool:
    if offer.get("sexes") and case["sex"] not in offer["sexes"]:
        return False
    if "age_min" not in offer and "age_max" not in offer:
        return True
    ages = _ages(case["age_band"])
    return bool(ages) and all(
        offer.get("age_min", 0) <= age <= offer.get("age_max", 200) for age in ages
    )


def _ages(band: str) -> list[int]:
    """Every age in years that a band stands for; none when it is unknown."""
    if band == "unknown":
        return []
    if band == "60+":
        return list(range(60, 121))
    low, high = band.split("-")
    return list(range(int(low), int(high) + 1))


def _services(case: Mapping[str, Any]) -> list[tuple[str, str]]:
    needs = [need for need in case["needs"] if not (need == "child_protection" and _is_child(case))]
    if not case["needs"] or not case.get("region") or not case.get("urgency"):
        return []
    asked = [(need, case["urgency"]) for need in needs]
    if _is_child(case):
        soonest = min("emergency_24h", case["urgency"], key=SOONEST_FIRST.index)
        return [("child_protection", soonest), *asked]
    return asked


def _is_child(case: Mapping[str, Any]) -> bool:
    ages = _ages(case["age_band"])
    return bool(ages) and max(ages) < 18


def by_digest(codes: Sequence[str], choices: Sequence[str]) -> Decide:
    """A decision for each kind of offer, the same each time; organisations not in `codes` are silent."""

    def decide(code: str, *, service: str, region: str, sex: str, age_band: str) -> str:
        if code not in codes:
            return "silent"
        digest = sha256(f"{code}|{service}|{region}|{sex}|{age_band}".encode()).digest()
        return choices[digest[0] % len(choices)]

    return decide
