"""What one recipient may know of a dossier now, field by field, and on which ground each rests."""

from collections.abc import Iterable, Mapping
from dataclasses import replace
from datetime import datetime
from functools import lru_cache
from types import MappingProxyType

from contracts.policy import Cut, FieldName, Reader, may_know, purpose_of, standing
from contracts.policy.consent import CONSENT
from contracts.policy.tables import fields
from services.intake.store.consents import CaseFile
from services.intake.store.disclosures import Receipt, Recipient

#: The coded facts of the case: they travel by event and are no part of a dossier.
CODED = "case"
Dossier = Mapping[str, Mapping[str, str]]


def reader_of(recipient: Recipient, file: CaseFile) -> Reader:
    """The recipient as the policy asks for it."""
    return Reader(
        kind=recipient.kind,
        relation="recipient",
        purpose=purpose_of(recipient.service),
        is_child=file.facts.is_child,
        organisation=recipient.organisation,
        from_kind=file.owner_kind,
    )


def cut_for(recipient: Recipient, file: CaseFile, *, stage: str, at: datetime) -> Cut:
    """What is open to this recipient at that moment, if the referral is at that stage."""
    reader = reader_of(recipient, file)
    return may_know(reader, stage, _grounds_for(reader, file, at=at))


def grounds_for(recipient: Recipient, file: CaseFile, *, at: datetime) -> tuple[str, ...]:
    """The grounds that stand for this recipient at that moment."""
    return _grounds_for(reader_of(recipient, file), file, at=at)


def open_fields(
    recipient: Recipient, file: CaseFile, *, stage: str, at: datetime
) -> Mapping[str, frozenset[FieldName]]:
    """Ground → the dossier's fields that rest on it; consent last, only where nothing else carries.

    So a withdrawal of consent takes exactly one of the parts, and nothing that another ground keeps.
    """
    reader = reader_of(recipient, file)
    return _by_ground(replace(reader, organisation=""), stage, _grounds_for(reader, file, at=at))


# As many answers as the policy itself remembers: they follow from the same question.
@lru_cache(maxsize=8192)
def _by_ground(
    reader: Reader, stage: str, grounds: tuple[str, ...]
) -> Mapping[str, frozenset[FieldName]]:
    cut = may_know(reader, stage, grounds)
    found: dict[str, set[FieldName]] = {}
    for name in cut.fields:
        if name[0] != CODED:
            found.setdefault(_ground_of(name, cut), set()).add(name)
    order = sorted(found, key=lambda ground: (ground == CONSENT, ground))
    return MappingProxyType({ground: frozenset(found[ground]) for ground in order})


def still_open(receipts: Iterable[Receipt], cut: Cut) -> frozenset[FieldName]:
    """Of what was released, the fields that are allowed at this moment, too."""
    return cut.fields & {unwritten(text) for one in receipts for text in one.fields}


def grounds_of(receipts: Iterable[Receipt]) -> tuple[str, ...]:
    """What these rest on, in alphabetical order."""
    return tuple(sorted({one.ground for one in receipts if one.ground}))


def part_of(dossier: Dossier, names: frozenset[FieldName]) -> dict[str, dict[str, str]]:
    """These fields of a dossier, as far as it has them."""
    parts = {
        section: {field: text for field, text in held.items() if (section, field) in names}
        for section, held in sorted(dossier.items())
    }
    return {section: part for section, part in parts.items() if part}


def written(names: frozenset[FieldName]) -> tuple[str, ...]:
    """`section.field` of each, sorted, as a receipt lists them."""
    return tuple(sorted(".".join(name) for name in names))


def unwritten(text: str) -> FieldName:
    """A field as a receipt lists it, as the policy names it."""
    section, _, name = text.partition(".")
    return section, name


def _grounds_for(reader: Reader, file: CaseFile, *, at: datetime) -> tuple[str, ...]:
    return standing(file.record, reader, file.judged(at))


def _ground_of(name: FieldName, cut: Cut) -> str:
    """A field of several groups needs each of them: where one rests on consent alone, so does it."""
    others = [
        next((ground for ground in cut.groups[group].grounds if ground != CONSENT), CONSENT)
        for group in sorted(fields()[name].groups)
    ]
    return CONSENT if CONSENT in others else others[0]
