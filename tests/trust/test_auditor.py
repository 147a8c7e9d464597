from collections.abc import Callable
from dataclasses import replace
from time import perf_counter
from typing import Any

import pytest

from tests.trust.auditor import compare, in_order
from tests.trust.evidence import Evidence
from tests.trust.questions import audit
from tests.trust.small_world import CASES, SHELTER, small_world

pytestmark = pytest.mark.share("fire")

#: Where the effects of a run show: each is a list that the audit must watch.
WITNESSES: dict[str, Callable[[Evidence], list[Any]]] = {
    "the table of cases": lambda e: e.cases,
    "what referral knows": lambda e: e.known,
    "the referrals": lambda e: e.referrals,
    "the unplaced services": lambda e: e.unplaced,
    "the steps the owner sees": lambda e: e.steps,
    "the stream INTAKE": lambda e: e.streams["INTAKE"],
    "the stream REFERRAL": lambda e: e.streams["REFERRAL"],
    "the feeds": lambda e: e.streams["OUT"],
    "the inbox": lambda e: e.streams["INBOX"],
    "the facts of reporting": lambda e: e.counted,
    "what partners handled": lambda e: e.handled,
}
STREAMS = ("the stream INTAKE", "the stream REFERRAL", "the feeds")


def test_a_run_without_fault_is_clean() -> None:
    found = audit(small_world())
    assert found.is_clean, found
    assert all(finding.acked for finding in found.findings if "undone" not in finding.question)


@pytest.mark.parametrize("witness", WITNESSES)
def test_what_is_missing_is_named_as_lost(witness: str) -> None:
    evidence = small_world()
    del WITNESSES[witness](evidence)[-1]
    assert audit(evidence).count("lost") > 0


@pytest.mark.parametrize("witness", WITNESSES)
def test_what_is_there_twice_is_named_as_doubled(witness: str) -> None:
    evidence = small_world()
    rows = WITNESSES[witness](evidence)
    rows.append(rows[-1])
    assert audit(evidence).count("doubled") > 0


@pytest.mark.parametrize("witness", WITNESSES)
def test_what_nobody_caused_is_named_as_unexpected(witness: str) -> None:
    evidence = small_world()
    rows = WITNESSES[witness](evidence)
    rows.append(_stranger(rows[-1]))
    assert audit(evidence).count("unexpected") > 0


@pytest.mark.parametrize("witness", STREAMS)
def test_what_came_before_its_predecessor_is_named_as_disordered(witness: str) -> None:
    evidence = small_world()
    rows = WITNESSES[witness](evidence)
    early = rows[0]
    renumbered = early.headers | {"ce-casesequence": "2", "ce-feedsequence": "2"}
    rows[0] = replace(early, headers=renumbered)
    assert audit(evidence).count("disordered") > 0


def test_two_events_of_a_case_that_changed_places_are_seen() -> None:
    evidence = small_world()
    rows = evidence.streams["REFERRAL"]
    rows[0], rows[1] = rows[1], rows[0]
    (finding,) = [f for f in audit(evidence).findings if not f.is_clean]
    assert finding.disordered[:2] == ((CASES[0], 2), (CASES[0], 1))


def test_a_referral_that_goes_back_is_seen() -> None:
    evidence = small_world()
    rows = evidence.streams["REFERRAL"]
    for at, number in ((1, "3"), (2, "2")):
        rows[at] = replace(rows[at], headers=rows[at].headers | {"ce-casesequence": number})
    assert ("referral-case-1", "received") in _all(audit(evidence), "disordered")


def test_a_consumer_that_stopped_short_is_seen() -> None:
    evidence = small_world()
    consumer, case, last = evidence.positions[-1]
    evidence.positions[-1] = (consumer, case, last - 1)
    assert audit(evidence).count("lost") == 1


def test_a_case_registered_twice_under_two_numbers_is_seen() -> None:
    """The same key, another number than the caller was told."""
    evidence = small_world()
    key, _, case = evidence.cases[0]
    evidence.cases[0] = (key, "another number", case)
    assert evidence.acked[0] in _all(audit(evidence), "lost")


def test_a_request_that_acted_twice_is_seen() -> None:
    evidence = small_world()
    rows = evidence.streams["REFERRAL"]
    again = rows[-2].headers | {"ce-id": "another", "ce-casesequence": "5"}
    rows.append(replace(rows[-2], headers=again))
    evidence.outbox["REFERRAL"].append("another")
    assert "request-case-3-accepted" in _all(audit(evidence), "doubled")


def test_what_was_tried_without_an_answer_may_be_there_or_not() -> None:
    there = compare("q", acked=["a"], found=["a", "b"], attempted=["b"])
    absent = compare("q", acked=["a"], found=["a"], attempted=["b"])
    assert there.is_clean
    assert absent.is_clean


def test_a_finding_says_what_is_wrong() -> None:
    finding = compare("the question", acked=["a", "b"], found=["b", "b", "c"])
    assert str(finding) == (
        "the question: 2 promised, 3 found; 1 lost (a…); 1 doubled (b…); 1 unexpected (c…)"
    )


def test_ten_times_the_events_take_about_ten_times_as_long() -> None:
    few, many = _seconds(20_000), _seconds(200_000)
    assert many < few * 40


def _seconds(count: int) -> float:
    keys = [f"{SHELTER}-{number}" for number in range(count)]
    start = perf_counter()
    compare("q", acked=keys, found=keys)
    in_order("q", (("case", number + 1) for number in range(count)))
    return perf_counter() - start


def _stranger(row: Any) -> Any:
    """The like of a row that nobody's action explains."""
    if isinstance(row, str):
        return "stranger"
    if isinstance(row, tuple):
        return ("stranger", *row[1:])
    return replace(row, headers=row.headers | {"ce-id": "stranger", "ce-subject": "stranger"})


def _all(found: Any, kind: str) -> list[Any]:
    return [key for finding in found.findings for key in getattr(finding, kind)]
