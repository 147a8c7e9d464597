"""The need-to-know rules once more, written by hand from the domain's matrix, not from our tables."""

from dataclasses import dataclass

GROUPS = ("G0", "G1", "G2", "G3", "G4", "G5", "G6", "G7", "G8", "G9", "G10")
GROUNDS = ("consent", "vital_interest", "legal_obligation", "public_interest", "court_order")
PURPOSES = (
    "care", "protection", "family", "reintegration", "legal_aid", "return", "investigation",
    "coordination",
)  # fmt: skip
CARERS = frozenset({"shelter", "ngo_rights", "intl", "health"})

# F full, O if a ground covers it, S state only, K counts only, - never; a sub-rule after a slash.
OWNER = "F F F F S O F F S F F"
SHELTER = "F F O O - O O F S/next_date O F/own_service"
HEALTH = "F F O O/care_needs - F/own_case O - - O F/own_service"
POLICE = "F F O O F/own_case O/certificate - - F/own_case S S"
JUSTICE = "F F O O F O/certificate O/best_interests - F S S"
LAWYER = "F F O O O O O - O F S"
RETURN = "F F O O - O/fit_to_travel O O - O S"
CONSULATE = "O O O - - - - - - O S"
COMMITTEE = "F F - K K - - - S+K S S"
LOCAL = "K K - - - - - - K - K"
PUBLIC = "K K - K K - - - K - K"
FIRST = "F F - - - - - - - S S"

MATRIX = {
    ("social", "owner"): OWNER,
    ("social", "recipient"): OWNER,
    ("shelter", "owner"): OWNER,
    ("shelter", "recipient"): SHELTER,
    ("ngo_rights", "owner"): OWNER,
    ("ngo_rights", "recipient"): LAWYER,
    ("intl", "owner"): OWNER,
    ("intl", "recipient"): RETURN,
    ("health", "owner"): HEALTH,
    ("health", "recipient"): HEALTH,
    ("police", "owner"): POLICE,
    ("police", "recipient"): POLICE,
    ("gendarmerie", "owner"): POLICE,
    ("gendarmerie", "recipient"): POLICE,
    ("justice", "owner"): JUSTICE,
    ("justice", "recipient"): JUSTICE,
    ("consular", "owner"): CONSULATE,
    ("consular", "recipient"): CONSULATE,
    ("civil_protection", "owner"): FIRST,
    ("civil_protection", "recipient"): FIRST,
    ("traditional", "owner"): FIRST,
    ("traditional", "recipient"): FIRST,
    ("committee", "oversight"): COMMITTEE,
    ("committee_local", "oversight"): LOCAL,
    ("public", "public"): PUBLIC,
}
ROWS = {name: MATRIX[name].split() for name in MATRIX}
ALL = frozenset(GROUPS)
LIFE = {"G0", "G1", "G9", "G10"}
DUTY = {"G0", "G1", "G2", "G3", "G4", "G8", "G9", "G10"}


@dataclass(frozen=True)
class Opened:
    """What a cell comes to: how much, the sub-rule, and what carries it."""

    access: str
    limit: str = ""
    grounds: tuple[str, ...] = ()


@dataclass(frozen=True)
class Question:
    """One reader of one case, at one stage."""

    kind: str
    relation: str
    purpose: str
    stage: str
    from_kind: str
    is_child: bool


def reach(asked: Question, ground: str) -> frozenset[str]:
    """The groups that this ground can carry to this reader, whatever its row says."""
    row = MATRIX[asked.kind, asked.relation]
    if ground == "consent":
        return frozenset(_by_consent(row, asked.purpose))
    if ground == "vital_interest":
        return frozenset(_to_save_a_life(row, asked))
    if ground == "legal_obligation":
        reports = row in (POLICE, JUSTICE) and asked.purpose == "investigation"
        return ALL if row == OWNER else frozenset(DUTY if reports else ())
    if ground == "public_interest":
        return ALL if row == COMMITTEE and asked.purpose == "coordination" else frozenset()
    orders = (OWNER, SHELTER, HEALTH, POLICE, JUSTICE)
    is_counsel = row == LAWYER and asked.purpose == "legal_aid"
    return ALL if row in orders or is_counsel else frozenset()


def _by_consent(row: str, purpose: str) -> set[str] | frozenset[str]:
    if row in (COMMITTEE, LOCAL, PUBLIC):
        return set()
    helping = purpose in ("care", "protection", "family", "reintegration")
    if row == LAWYER and purpose != "legal_aid":
        return {"G0", "G1", "G2", "G6", "G9", "G10"} if helping else set()
    if row == RETURN and purpose != "return":
        return {"G0", "G1", "G2", "G3", "G6", "G7", "G9", "G10"} if helping else set()
    if row == CONSULATE and purpose not in ("return", "family", "reintegration"):
        return set()
    return ALL


def _to_save_a_life(row: str, asked: Question) -> set[str] | frozenset[str]:
    if row == OWNER:
        return ALL
    urgent = asked.purpose in ("care", "protection")
    if row == POLICE and asked.purpose == "protection":
        authority = asked.from_kind in (
            "police", "gendarmerie", "justice", "social", "civil_protection",
        )  # fmt: skip
        return LIFE | {"G2", "G4"} if authority else LIFE
    if row == SHELTER and urgent:
        return LIFE | {"G2", "G5", "G7"}
    if row == HEALTH and urgent:
        return LIFE | {"G2", "G3", "G5"}
    if row == RETURN and (urgent or asked.purpose == "return"):
        return LIFE | {"G2", "G7"}
    return ALL if row == FIRST and urgent else set()


def expected(asked: Question, group: str, grounds: frozenset[str]) -> Opened | None:
    """What is open of one group, or None: the domain's matrix, read by a person."""
    letter, _, limit = ROWS[asked.kind, asked.relation][GROUPS.index(group)].partition("/")
    counts = Opened("counts") if "K" in letter else None
    letter = letter.removesuffix("+K")
    open_now = {"offered": ("G0", "G1", "G9"), "accepted": GROUPS, "closed": ()}[asked.stage]
    if letter in "-K" or group not in open_now:
        return counts
    if limit == "best_interests" and not asked.is_child:
        return None
    access = "state" if letter == "S" or (asked.stage, group) == ("offered", "G9") else "full"
    if asked.relation == "owner" and letter in "FS":
        return Opened(access, limit)
    carried = tuple(one for one in GROUNDS if one in grounds and group in reach(asked, one))
    return Opened(access, limit, carried) if carried else counts
