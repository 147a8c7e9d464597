"""Reads `shelter=given;justice=refused`: what the person decided about each kind of recipient."""

import re
from typing import TypedDict

from contracts.vocabulary import allowed, codes
from services.intake.imports.reader import RowReader

COLUMN = "siraba_consent"


class Consent(TypedDict):
    """One decision; a kind that is not named has given nothing."""

    recipient_kind: str
    state: str


def read_consent(reader: RowReader) -> list[Consent]:
    """The decisions of a row, each kind once. Exact codes only: consent is never guessed."""
    decided: dict[str, str] = {}
    for piece in filter(None, re.split(r"\s*[;|,\n]\s*", reader.text(COLUMN))):
        kind, _, state = (part.strip().casefold() for part in piece.partition("="))
        if _is_known(reader, kind, state) and decided.setdefault(kind, state) != state:
            reader.refuse(COLUMN, "consent_twice", "decides twice about one kind.")
    if reader.yes_no("con_Consent") is False and "given" in decided.values():
        reader.refuse(COLUMN, "consent_contradicted", "must not be given where con_Consent is no.")
    return [Consent(recipient_kind=kind, state=state) for kind, state in decided.items()]


def _is_known(reader: RowReader, kind: str, state: str) -> bool:
    kind_known = kind in codes("organisation_kind")
    state_known = state in codes("consent_state")
    if not kind_known:
        sentence = f"must name kinds of organisation; allowed: {allowed('organisation_kind')}."
        reader.refuse(COLUMN, "unknown_consent_kind", sentence)
    if not state_known:
        sentence = f"must be written kind=state; states: {allowed('consent_state')}."
        reader.refuse(COLUMN, "unknown_consent_state", sentence)
    return kind_known and state_known
