"""Fictional cases by the dozen, the same for the same seed; each name in a dossier is a canary."""

from dataclasses import dataclass
from random import Random
from typing import Any

REGIONS = (*["01"] * 8, "11", "12", "00", "07")
KINDS = ("police", "gendarmerie", "justice", "social", "health", "shelter", "ngo_rights")
NEEDS = (
    "shelter", "shelter", "health", "health", "legal_aid", "legal_aid", "psychosocial",
    "immediate_safety", "immediate_safety", "food", "mental_health", "child_protection",
)  # fmt: skip
AGES = ("0-4", "9-11", "12-14", "15-17", "15-17", "18-24", "25-34", "60+", "unknown")
CHILDREN = AGES[:5]
CANARY = "Zanakala"


@dataclass(frozen=True, slots=True)
class Case:
    """What one organisation submits under one idempotency key."""

    owner: str
    key: str
    body: dict[str, Any]


def some_cases(count: int, *, owners: tuple[str, ...], seed: int) -> list[Case]:
    """`count` cases that differ in all that routing looks at."""
    random = Random(seed)
    return [_case(random, owners[nth % len(owners)], nth) for nth in range(count)]


def _case(random: Random, owner: str, nth: int) -> Case:
    states = {kind: random.choices(("given", "refused", ""), (8, 1, 1))[0] for kind in KINDS}
    needs = random.sample(NEEDS, k=random.choices((0, 1, 2, 3), (1, 6, 8, 5))[0])
    body: dict[str, Any] = {
        "detected_on": "2026-01-15",
        "region": random.choice(REGIONS),
        "sex": random.choices(("female", "male", "unknown"), (6, 3, 1))[0],
        "age_band": random.choice(AGES),
        "citizenship": [random.choice(("MLI", "GIN", "CIV"))],
        "exploitation": [random.choice(("domestic_work", "gold_mining", "forced_begging"))],
        "detection_channel": "patrol",
        "urgency": random.choice(("vital_1h", "emergency_24h", "urgent_72h", "normal_14d")),
        "risk": random.choices(("low", "medium", "high"), (3, 5, 2))[0],
        "needs": list(dict.fromkeys(needs)),
        "safety": ["do_not_call"] if random.random() < 0.3 else [],
        "dossier": {"identity": {"prs_FirstName": f"{CANARY}{nth}"}},
    }
    # One child in six said yes itself, which carries nothing.
    by = "guardian" if body["age_band"] in CHILDREN and nth % 6 else "person"
    body["consent"] = [
        {"recipient_kind": kind, "state": state, "by": by}
        for kind, state in states.items()
        if state
    ]
    return Case(owner, f"case-{nth:08d}", body)
