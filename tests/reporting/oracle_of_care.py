"""The oracle on protection: who was decided on, sheltered, reunited, returned, followed up (domain §6)."""

from collections.abc import Iterator
from datetime import UTC, date, timedelta

from contracts import cases, intake
from tests.reporting.oracle import (
    Codes,
    Item,
    Oracle,
    Said,
    first,
    named,
    of_person,
    smuggled,
    v1,
    v2,
)

HOME = ("reintegrated", "reunified", "repatriated")
ENDS = ("delivered", "not_delivered", "withdrawn")


def v3(oracle: Oracle) -> Iterator[Item]:
    people = {one.subject: one.body for one in oracle.people()}
    for subject, codes in v1(oracle):
        body = people[subject]
        in_time = body.registered_on - body.detected_on <= timedelta(days=30)
        if body.victim_status != "presumed" and in_time:
            yield subject, codes


def enslaved(oracle: Oracle) -> Iterator[Item]:
    for subject, codes in v2(oracle):
        if "descent_based_slavery" in codes["exploitation"]:
            yield subject, codes


def v5(oracle: Oracle) -> Iterator[Item]:
    taken = {p.subject for _, p, trail in oracle.referrals() if first(trail, "accepted")}
    for subject, codes in enslaved(oracle):
        if subject in taken:
            yield subject, codes


def stays(oracle: Oracle) -> Iterator[tuple[Said, Said, int]]:
    """The offer, the person and the nights of the window, of each stay that has any."""
    for offer, person, trail in oracle.referrals():
        begun = first(trail, "started")
        if offer.body.service != "shelter" or begun is None:
            continue
        ended = first(trail, *ENDS)
        until = {oracle.window.end, oracle.window.as_of.astimezone(UTC).date()}
        until |= {ended.date()} if ended else set()
        day: date = begun.date()
        nights = 0
        while day < min(until):
            nights += day >= oracle.window.start
            day += timedelta(days=1)
        if nights:
            yield offer, person, nights


def of_stay(offer: Said, person: Said) -> Codes:
    return of_person(person) | {"organisation": [offer.body.organisation]}


def a2(oracle: Oracle) -> Iterator[Item]:
    for offer, person, _ in stays(oracle):
        yield person.subject, of_stay(offer, person)


def a3(oracle: Oracle) -> Iterator[Item]:
    for _, person, trail in oracle.referrals():
        for step in trail:
            is_reunion = named(step) == "delivered" and step.body.service == "reunification"
            codes = of_person(person)
            if is_reunion and oracle.is_moment(step.at) and codes["group"][0] in ("girl", "boy"):
                yield person.subject, codes


def a4(oracle: Oracle) -> Iterator[Item]:
    for one in oracle.of(cases.ReturnCompleted):
        person, body = oracle.person_of(one.subject), one.body
        is_safe = body.is_voluntary and body.is_risk_assessed
        if is_safe and person and not smuggled(person) and oracle.is_day(body.completed_on):
            yield person.subject, of_person(person) | {"return_type": [body.return_type]}


def at_home(oracle: Oracle) -> Iterator[Item]:
    words = oracle.of(cases.CaseClosed, cases.CaseReopened)
    for one in words:
        later = [w for w in words if w.subject == one.subject and w.number > one.number]
        next_word = min(later, key=lambda word: word.number, default=None)
        person = oracle.person_of(one.subject)
        is_home = isinstance(one.body, cases.CaseClosed) and one.body.reason in HOME
        is_taken_back = next_word is not None and next_word.body.reason == "closed_in_error"
        if not is_home or is_taken_back or person is None or smuggled(person):
            continue
        if oracle.is_day(one.body.closed_on):
            yield person.subject, of_person(person) | {"closure_reason": [one.body.reason]}


def a5(oracle: Oracle) -> Iterator[Item]:
    asked_after = set()
    for one in oracle.of(cases.FollowupDone):
        person = oracle.person_of(one.subject)
        if person and abs(one.body.after_days - 180) <= 30:
            asked_after.add(person.subject)
    for subject, codes in at_home(oracle):
        if subject in asked_after:
            yield subject, codes


def s1(oracle: Oracle) -> Iterator[Item]:
    for one in oracle.of(intake.AccessExcepted):
        if oracle.is_moment(one.at):
            codes: Codes = {"organisation": [one.body.organisation], "reason": [one.body.reason]}
            yield f"{one.subject} {one.number}", codes
