from collections.abc import Iterator
from typing import Any

import pytest
from pydantic import BaseModel, TypeAdapter, ValidationError

from contracts.catalogue import EVENTS, FEED, REQUESTS
from contracts.form import CaseSubmission, IncidentSubmission
from contracts.keyring import PublicKey
from contracts.times import Day, Moment

MODELS: tuple[type[BaseModel], ...] = (
    *EVENTS.values(),
    *FEED.values(),
    *REQUESTS.values(),
    CaseSubmission,
    IncidentSubmission,
    PublicKey,
)
RULES = {"date": "day", "date-time": "moment_with_offset"}
NUMBERS = (0, 86_400, 86_400.0, "0", "86400")


def timed() -> Iterator[tuple[type[BaseModel], str, str]]:
    """Each field that our schemas say is a day or a moment, and the rule of it."""
    for model in MODELS:
        for name, field in model.model_json_schema(by_alias=False)["properties"].items():
            formats = {one.get("format") for one in (field, *field.get("anyOf", ()))}
            for known in formats & RULES.keys():
                yield model, name, RULES[known]


def broken(model: Any, given: Any) -> list[tuple[Any, str]]:
    with pytest.raises(ValidationError) as caught:
        TypeAdapter(model).validate_python(given)
    return [(one["loc"][-1] if one["loc"] else None, one["type"]) for one in caught.value.errors()]


@pytest.mark.parametrize("number", NUMBERS, ids=repr)
def test_no_message_takes_a_number_for_a_day_or_a_moment(number: Any) -> None:
    taken = [
        (model.__name__, name)
        for model, name, rule in timed()
        if (name, rule) not in broken(model, {name: number})
    ]

    assert taken == []


def test_our_schemas_have_days_and_moments_to_try_it_with() -> None:
    rules = [rule for _, _, rule in timed()]

    assert {"day", "moment_with_offset"} == set(rules)
    assert len(rules) > 40


@pytest.mark.parametrize(
    "written",
    [
        "2026-11-24T00:00:00",
        "2026-11-24T00:00:00Z",
        "20261124",
        "2026-02-30",
        "0000-01-01",
        "24/11/2026",
        "٢٠٢٦-١١-٢٤",
        "",
        None,
        True,
    ],
)
def test_a_day_has_one_form(written: Any) -> None:
    assert broken(Day, written) == [(None, "day")]
    assert TypeAdapter(Day).validate_json('"2026-11-24"').isoformat() == "2026-11-24"


@pytest.mark.parametrize("written", ["2026-11-24", "10:00:00Z", "", None, True])
def test_a_moment_has_a_day_a_time_and_an_offset(written: Any) -> None:
    assert broken(Moment, written) == [(None, "moment_with_offset")]
    assert broken(Moment, "2026-11-24T10:00:00") == [(None, "timezone_aware")]
    assert TypeAdapter(Moment).validate_json('"2026-11-24 10:00:00+02:00"').hour == 10
