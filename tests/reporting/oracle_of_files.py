"""The oracle on what came of files: courts, verdicts, parties, reparation (domain §6, J6 to J8)."""

from collections.abc import Iterator
from typing import Any

from contracts import referral
from tests.reporting.oracle import (
    Codes,
    Item,
    Oracle,
    Said,
    j2,
    of_person,
    smuggled,
    v2,
)  # fmt: skip
from tests.reporting.oracle import (
    in_court as court_day,
)

HELD = {"police_custody", "remand", "serving_sentence"}
File = tuple[str, Any]


def cohort(oracle: Oracle) -> Iterator[tuple[File, list[Said], Item]]:
    """The files of which the first day lies in the window."""
    for file, words in oracle.files().items():
        if oracle.is_day(min(one.body.on for one in words)):
            last = words[-1].body
            codes: Codes = {
                "offence_class": [last.offence_class],
                "region": [last.region or "unknown"],
                "organisation_kind": [last.organisation_kind],
            }
            yield file, words, (str(file), codes)


def opened(oracle: Oracle) -> Iterator[Item]:
    for _, _, item in cohort(oracle):
        yield item


def in_court(oracle: Oracle) -> Iterator[Item]:
    for _, words, item in cohort(oracle):
        if court_day(words):
            yield item


def convicted(oracle: Oracle) -> Iterator[Item]:
    guilty = {
        (one.body.organisation, one.body.proceeding_id)
        for one in oracle.of(referral.JudgmentRendered)
        if one.body.verdict == "convicted"
    }
    for file, words, item in cohort(oracle):
        if court_day(words) and file in guilty:
            yield item


def decided(oracle: Oracle) -> Iterator[Said]:
    """Of each suspect in each file the last word on the judgment, if its day is of the window."""
    last: dict[Any, Said] = {}
    for one in oracle.of(referral.JudgmentRendered):
        last[one.body.organisation, one.body.proceeding_id, one.body.suspect_id] = one
    for one in last.values():
        if one.body.offence_class != "migrant_smuggling" and oracle.is_day(one.body.on):
            yield one


def parties(oracle: Oracle) -> Iterator[tuple[File, Said]]:
    """Each victim who takes part in a file."""
    last: dict[Any, Said] = {}
    for one in sorted(oracle.of(referral.ProceedingEvent), key=lambda one: one.number):
        if one.body.is_civil_party is not None:
            last[one.subject, one.body.organisation, one.body.proceeding_id] = one
    for (case, *file), one in last.items():
        person = oracle.person_of(case)
        if one.body.is_civil_party and person is not None and not smuggled(person):
            yield (file[0], file[1]), person


def compensated(oracle: Oracle) -> Iterator[Item]:
    paid = {
        (one.body.organisation, one.body.proceeding_id)
        for one in decided(oracle)
        if one.body.reparation_paid
    }
    for file, person in parties(oracle):
        if file in paid:
            yield person.subject, of_person(person)


def takes_part(oracle: Oracle) -> Iterator[Item]:
    taking = {person.subject for _, person in parties(oracle)}
    for subject, codes in v2(oracle):
        if subject in taking:
            yield subject, codes


def held(oracle: Oracle) -> Iterator[Item]:
    suspects = {str(key): words[-1].body for key, words in oracle.suspects().items()}
    for key, codes in j2(oracle):
        if suspects[key].is_victim_too and suspects[key].custody in HELD:
            yield key, codes
