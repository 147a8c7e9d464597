"""What is in order is read at once; it must be the case that FastAPI's own reading makes of it."""

import json
from contextlib import suppress
from random import Random

import pytest
from pydantic import ValidationError

from contracts.form import CaseSubmission
from tests.builders import coded_facts
from tests.intake.desks import Desk

SEEDS = range(20261130, 20261134)
#: JSON that stands where something else is expected, or twice, or for the same in other words.
ODD = (
    "null", "true", "0", "1", "1.0", "1e400", "NaN", "-Infinity", '""', '"yes"', '"true"', "[]",
    "{}", "[null]", "[[]]", '["shelter","shelter"]', '{"identity":{"a":"b","a":"c"}}', '"\\u0031\\u0032"',
    '"2026-01-01T00:00:00"', '"2026-01-01T10:00:00"', "1767225600", "1767225600.0", '" 2026-01-01"',
    '"\\ud800"', '"\\u0000"', "9" * 5000, "[" * 60 + "]" * 60,
)  # fmt: skip


@pytest.mark.parametrize("seed", SEEDS)
def test_a_form_read_at_once_is_the_form_read_the_long_way(seed: int) -> None:
    rng, read = Random(seed), 0
    for _ in range(1000):
        raw = _garbled(rng)
        with suppress(ValidationError):
            at_once = CaseSubmission.model_validate_json(raw)
            read += 1
            assert at_once == CaseSubmission.model_validate(json.loads(raw)), raw
    assert read > 50


def _garbled(rng: Random) -> bytes:
    """A form some of whose values are odd, or there twice, and now and then a byte of it another."""
    lines = [(name, json.dumps(value)) for name, value in coded_facts().items()]
    names = [*CaseSubmission.model_fields, "nothing_we_know"]
    for _ in range(rng.choice((1, 1, 2))):
        line = (rng.choice(names), rng.choice(ODD))
        if rng.random() < 0.5:
            lines = [other for other in lines if other[0] != line[0]]
        lines.insert(rng.randint(0, len(lines)), line)
    raw = bytearray("{" + ",".join(f'"{name}": {text}' for name, text in lines) + "}", "utf-8")
    if rng.random() < 0.1:
        raw[rng.randrange(len(raw))] = rng.randrange(256)
    return bytes(raw)


async def test_a_repeat_that_is_read_the_other_way_is_the_same_case(desk: Desk) -> None:
    body, long_way = coded_facts(), {"Content-Type": "application/json; charset=utf-8"}
    first = await desk.post(body, key="key-of-this-case")
    again = await desk.post(body, key="key-of-this-case", headers=long_way)

    assert (first.status_code, again.status_code) == (202, 202)
    assert first.json() == again.json()
    assert [one.headers.get("idempotent-replayed") for one in (first, again)] == [None, "true"]
    assert await desk.count("cases") == 1


async def test_what_is_not_in_order_is_refused_as_if_it_were_read_the_long_way(desk: Desk) -> None:
    long_way = {"Content-Type": "application/json; charset=utf-8"}
    said = {
        "no token": {"Authorization": "none"},
        "a token of nobody": {"Authorization": "Bearer x.y.z"},
        "another role": {"Authorization": f"Bearer {desk.token(role='analyst')}"},
        "no key": {"Idempotency-Key": "none"},
        "a short key": {"Idempotency-Key": "short"},
    }
    for why, headers in said.items():
        at_once = await desk.post(headers=headers)
        assert at_once.is_client_error, why
        answer = await desk.post(headers=long_way | headers)
        assert (answer.status_code, answer.content) == (at_once.status_code, at_once.content), why
    assert await desk.count("cases") == 0
