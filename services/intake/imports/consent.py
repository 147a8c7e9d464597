"""Reads `shelter=given;justice=refused:guardian`: what was decided about each kind, and by whom."""

from typing import TypedDict

from contracts.vocabulary import allowed, codes
from services.intake.imports.reader import RowReader, pieces_of

COLUMN = "siraba_consent"
# The form speaks of the person's own consent; whoever else decided must be named.
PERSON = "person"


class Consent(TypedDict):
    """One decision; a kind that is not named has given nothing."""

    recipient_kind: str
    state: str
    by: str


def read_consent(reader: RowReader) -> list[Consent]:
    """The decisions of a row, each kind once. Exact codes only: consent is never guessed."""
    decided: dict[str, Consent] = {}
    for piece in pieces_of(reader.text(COLUMN)):
        kind, _, said = (part.strip().casefold() for part in piece.partition("="))
        state, _, by = (part.strip() for part in said.partition(":"))
        line = Consent(recipient_kind=kind, state=state, by=by or PERSON)
        if _is_known(reader, line) and decided.setdefault(kind, line) != line:
            reader.refuse(COLUMN, "consent_twice", "decides twice about one kind.")
    states = {line["state"] for line in decided.values()}
    if reader.yes_no("con_Consent") is False and "given" in states:
        reader.refuse(COLUMN, "consent_contradicted", "must not be given where con_Consent is no.")
    return list(decided.values())


def _is_known(reader: RowReader, line: Consent) -> bool:
    faults = []
    if line["recipient_kind"] not in codes("organisation_kind"):
        sentence = f"must name kinds of organisation; allowed: {allowed('organisation_kind')}."
        faults.append(("unknown_consent_kind", sentence))
    if line["state"] not in codes("consent_state"):
        sentence = f"must be written kind=state; states: {allowed('consent_state')}."
        faults.append(("unknown_consent_state", sentence))
    if line["by"] not in codes("consent_authority"):
        sentence = f"must say who decided as kind=state:by; by: {allowed('consent_authority')}."
        faults.append(("unknown_consent_authority", sentence))
    for rule, sentence in faults:
        reader.refuse(COLUMN, rule, sentence)
    return not faults
