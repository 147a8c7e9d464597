"""Asks an API what its description never thought of, and judges every answer."""

import copy
import random
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any

import requests
from hypothesis import HealthCheck, Phase, given, seed, settings
from hypothesis import strategies as st
from hypothesis.errors import Unsatisfiable
from schemathesis import APIOperation, BaseSchema, Case, GenerationMode, Response
from schemathesis.core.failures import FailureGroup
from schemathesis.core.result import Ok
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    missing_required_header,
    negative_data_rejection,
    response_headers_conformance,
    response_schema_conformance,
    status_code_conformance,
    unsupported_method,
)

from tests.builders import CANARY

# Every answer must be declared; what is asked against the description must be refused, unless we
# bent it afterwards, so that it may be right again.
ANSWER_CHECKS = (
    status_code_conformance,
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
)
DATA_CHECKS = (negative_data_rejection, unsupported_method, missing_required_header)
Operation = APIOperation[Any, Any, Any, Any]
SECRETS = ("Aminata", "66012345")  # the parts of CANARY that survive every encoding


@dataclass(frozen=True, slots=True)
class Asker:
    """Who asks: `headers` are made for each request; `is_known` if a good token is among them."""

    name: str
    headers: Callable[[], Mapping[str, str]]
    is_known: bool = True


@dataclass(slots=True, kw_only=True)
class Asking:
    """One API at `base`; the first asker asks half of the time.

    `pool` holds what is real: values by path parameter, bodies by operation.

    `answers` counts by operation and status, `findings` has the shortest example of each fault.
    """

    base: str
    schema: BaseSchema
    askers: Sequence[Asker]
    pool: Mapping[str, Sequence[Any]] = field(default_factory=dict)
    answers: Counter[tuple[str, int]] = field(default_factory=Counter)
    findings: dict[str, str] = field(default_factory=dict)
    _session: requests.Session = field(default_factory=requests.Session)

    @property
    def faults(self) -> int:
        """How many answers said that the fault was ours."""
        return sum(count for (_, status), count in self.answers.items() if status >= 500)

    def fuzz(self, wanted: int, *, salt: int) -> None:
        """Ask about so many times: of each operation half at its edges, half at random."""
        operations = list(_operations(self.schema))
        total = sum(_weight(one) for one in operations)
        for one in operations:
            share = max(4, wanted * _weight(one) // total)
            share -= self._at_edges(one, at_most=share // 2, chance=random.Random(salt))
            self._at_random(one, GenerationMode.POSITIVE, examples=share // 2, salt=salt)
            with suppress(Unsatisfiable):  # where any text is right, nothing can be said wrongly
                self._at_random(one, GenerationMode.NEGATIVE, examples=share // 2, salt=salt)

    def _at_edges(self, operation: Operation, *, at_most: int, chance: random.Random) -> int:
        """Missing, doubled, longest, wrongly typed, with another method: what can be listed."""
        edges = self.schema.iter_coverage_cases(
            operation,
            generation_modes=list(GenerationMode),
            generation_config=self.schema.config.generation_for(operation=operation),
        )
        cases = list(edges)
        chosen = chance.sample(cases, min(at_most, len(cases)))
        for case in chosen:
            self._ask(case, chance, bent=False)
        return len(chosen)

    def _at_random(
        self, operation: Operation, mode: GenerationMode, *, examples: int, salt: int
    ) -> None:
        @seed(salt)
        @settings(
            max_examples=examples,
            deadline=None,
            database=None,
            phases=[Phase.generate],
            suppress_health_check=list(HealthCheck),
        )
        @given(operation.as_strategy(mode), st.randoms(use_true_random=True))
        def ask(case: Case[Any], chance: random.Random) -> None:
            is_aimed = chance.random() < 0.5 and self._aim(case, chance)
            is_planted = chance.random() < 0.4 and plant(case, chance)
            self._ask(case, chance, bent=is_aimed or is_planted)

        ask()

    def _aim(self, case: Case[Any], chance: random.Random) -> bool:
        """Ask for what exists, or say what is right; false where the pool has nothing for it."""
        names = self.pool.keys() & case.path_parameters.keys()
        for name in names:
            case.path_parameters[name] = chance.choice(self.pool[name])
        bodies = self.pool.get(case.operation.label, ())
        if bodies:
            case.body = copy.deepcopy(chance.choice(bodies))
        return bool(names or bodies)

    def _ask(self, case: Case[Any], chance: random.Random, *, bent: bool) -> None:
        asker = self.askers[0] if chance.random() < 0.5 else chance.choice(self.askers)
        self._session.cookies.clear()
        response = case.call(
            base_url=self.base,
            session=self._session,
            headers=dict(asker.headers()),
            allow_redirects=False,
        )
        self.answers[case.operation.label, response.status_code] += 1
        for fault in _faults(case, asker, response, bent=bent):
            said = f"{case.operation.label}: {fault}"
            example = f"{asker.name}: {case.as_curl_command()}"
            self.findings[said] = min(self.findings.get(said, example), example, key=len)


def _faults(case: Case[Any], asker: Asker, response: Response, *, bent: bool) -> Iterator[str]:
    status = response.status_code
    if status >= 500:
        yield f"answered {status}"
    said = response.text + str(dict(response.headers))
    if any(part in said for part in SECRETS):
        yield f"repeated in a {status} what was sent"
    if status < 400 and _is_guarded(case.operation) and not asker.is_known:
        yield f"answered {status} to somebody unknown"
    checks = ANSWER_CHECKS if bent else (*ANSWER_CHECKS, *DATA_CHECKS)
    try:
        case.validate_response(response, checks=list(checks))
    except FailureGroup as failures:
        yield from (f"{one.title} ({status})" for one in failures.exceptions)


def plant(case: Case[Any], chance: random.Random) -> bool:
    """Put the canary in one place of a request; false where there is none to put it in."""
    held = {"body": copy.deepcopy(case.body)} if case.operation.body else {}
    parts = (case.path_parameters, case.query, case.headers, case.cookies, held)
    places = [place for part in parts for place in _places(part)]
    if not places:
        return False
    holder, key = chance.choice(places)
    is_inside = all(holder is not part for part in parts)
    if isinstance(holder, dict) and is_inside and chance.random() < 0.3:
        holder[CANARY] = holder.pop(key)
    else:
        holder[key] = CANARY
    if held:
        case.body = held["body"]
    return True


def _places(holder: Any) -> Iterator[tuple[Any, Any]]:
    """Every (container, key or index) in a value that JSON can hold."""
    for key in list(holder) if isinstance(holder, Mapping) else range(len(holder)):
        yield holder, key
        if isinstance(holder[key], dict | list):
            yield from _places(holder[key])


def _operations(schema: BaseSchema) -> Iterator[Operation]:
    for found in schema.get_all_operations():
        assert isinstance(found, Ok), "the description itself is broken"
        yield found.ok()


def _is_guarded(operation: Operation) -> bool:
    return bool(operation.definition.raw.get("security"))


def _weight(operation: Operation) -> int:
    """The more there is to say, the more often it is asked."""
    return 1 + 7 * len(operation.body) + 2 * sum(1 for _ in operation.iter_parameters())
