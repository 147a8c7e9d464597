import json
from typing import Any

import pytest

from contracts.catalogue import REQUESTS, read_body
from contracts.envelope import Rejected
from contracts.requests import Request
from tests.asked import FILE, REFERRAL, SEALED, WELL_FORMED
from tests.builders import CANARY

pytestmark = pytest.mark.share("partners")


def read(name: str, body: object) -> Request:
    message = read_body(REQUESTS[f"ml.siraba.{name}.v1"], json.dumps(body).encode())
    assert isinstance(message, Request)
    return message


def rejected(name: str, body: object) -> Rejected:
    with pytest.raises(Rejected) as caught:
        read(name, body)
    return caught.value


def test_there_is_an_example_of_every_kind() -> None:
    assert {f"ml.siraba.{name}.v1" for name in WELL_FORMED} == set(REQUESTS)


@pytest.mark.parametrize("name", WELL_FORMED)
def test_a_well_formed_request_says_the_same_after_it_has_travelled(name: str) -> None:
    body = WELL_FORMED[name]
    request = read(name, body)

    assert read(name, json.loads(request.encode())) == request
    assert json.loads(request.encode()).items() >= body.items() or "participants" in body


@pytest.mark.parametrize("name", WELL_FORMED)
def test_a_field_that_a_kind_does_not_know_is_refused_and_not_repeated(name: str) -> None:
    why = rejected(name, WELL_FORMED[name] | {CANARY: CANARY})

    assert (why.reason, why.field, why.allowed) == ("wrong_schema", "body", ())


@pytest.mark.parametrize(
    ("name", "field"), [(n, f) for n, body in WELL_FORMED.items() for f in body]
)
def test_a_field_that_holds_something_else_is_named_and_not_repeated(name: str, field: str) -> None:
    why = rejected(name, WELL_FORMED[name] | {field: {CANARY: CANARY}})

    assert why.field is not None
    assert why.field.split(".")[0] == field
    assert CANARY not in f"{why} {why.allowed}"


RULES: dict[str, tuple[str, dict[str, Any], str]] = {
    "a place and a moment": ("feed.replay", {"since": "2026-11-01T00:00:00Z"}, "since"),
    "neither place nor moment": ("feed.replay", {"after": None}, "since"),
    "a moment of no zone": (
        "feed.replay",
        {"since": "2026-11-01T00:00:00", "after": None},
        "since",
    ),
    "a place before the first": ("feed.replay", {"after": -1}, "after"),
    "more free than there are": ("capacity.report", {"free": 21}, "free"),
    "a case named twice": ("threat.report", {"case": FILE}, "case"),
    "a case not named": ("proceeding.report", {"referral_id": None}, "case"),
    "sentences without conviction": ("judgment.report", {"verdict": "acquitted"}, "sentences"),
    "a cercle elsewhere": ("session.report", {"cercle": "0101"}, "cercle"),
    "a session for nobody": ("session.report", {"participants": {}}, "body"),
    "a talk with calls": ("session.report", {"calls": 3}, "calls"),
    "a hotline without calls": ("session.report", {"kind": "hotline"}, "calls"),
    "a hotline with an audience": ("session.report", {"kind": "hotline", "calls": 3}, "body"),
    "counts below nothing": ("session.report", {"participants": {"men": -1}}, "participants.men"),
}


@pytest.mark.parametrize("rule", RULES)
def test_a_rule_over_several_fields_names_the_one_to_look_at(rule: str) -> None:
    name, changes, field = RULES[rule]
    body = {k: v for k, v in (WELL_FORMED[name] | changes).items() if v is not None}

    why = rejected(name, body)

    assert (why.reason, why.field) == ("wrong_schema", field)


@pytest.mark.parametrize("name", ["proceeding.report", "threat.report"])
def test_a_report_may_name_its_case_as_the_senders_own_feed_does(name: str) -> None:
    body = {k: v for k, v in WELL_FORMED[name].items() if k != "referral_id"}

    assert read(name, body | {"case": FILE}).matter == FILE
    assert read(name, WELL_FORMED[name]).matter == REFERRAL


@pytest.mark.parametrize("name", ["case.report", "suspect.report", "threat.report"])
def test_what_is_sealed_must_have_the_form_of_our_one_suite(name: str) -> None:
    why = rejected(name, WELL_FORMED[name] | {"sealed": SEALED | {"aad": CANARY}})

    assert (why.reason, why.field) == ("wrong_schema", "sealed")


def test_nothing_but_the_sealed_part_takes_free_text() -> None:
    """Every other text is a code, an id, a day or the code of an organisation."""
    for model in REQUESTS.values():
        schema = model.model_json_schema()
        parts = [schema, *(d for n, d in schema.get("$defs", {}).items() if n in OPEN_PARTS)]
        for part in parts:
            for name, said in part.get("properties", {}).items():
                assert all(_is_closed(one) for one in _texts(said)) or name in ORGANISATIONS, name


OPEN_PARTS = ("Participants", "Trained")
ORGANISATIONS = ("organiser",)


def _texts(schema: dict[str, Any]) -> list[dict[str, Any]]:
    inner = [*schema.get("anyOf", ()), *([schema["items"]] if "items" in schema else [])]
    own = [schema] if schema.get("type") == "string" else []
    return own + [text for one in inner for text in _texts(one)]


def _is_closed(schema: dict[str, Any]) -> bool:
    return "enum" in schema or schema.get("format") in ("uuid", "date", "date-time")
