import json

import pytest

from contracts.catalogue import EVENTS, FEED, REQUESTS, SOURCES
from contracts.event import Message
from contracts.generate import ASYNCAPI, ASYNCAPI_INTERNAL, SCHEMAS, documents

ALL = [*EVENTS.values(), *FEED.values(), *REQUESTS.values()]


def test_every_generated_file_agrees_with_the_code() -> None:
    stale = [
        path.name
        for path, content in documents()
        if not path.exists() or json.loads(path.read_text(encoding="utf-8")) != content
    ]

    assert stale == [], "run `make generate`"


def test_no_schema_is_left_of_a_type_that_is_gone() -> None:
    generated = {path for path, _ in documents()}

    assert {path for path in SCHEMAS.rglob("*.json")} <= generated


@pytest.mark.parametrize("model", ALL, ids=lambda model: f"{model.__module__}.{model.__name__}")
def test_every_message_says_what_it_is_and_which_codes_it_takes(model: type[Message]) -> None:
    assert (model.__doc__ or "").strip().endswith(".")
    assert (model.__doc__ or "") != (Message.__doc__ or "")
    described = json.dumps(model.model_json_schema())
    assert '"additionalProperties": {}' not in described


def test_each_type_has_one_name_on_one_channel_and_one_source() -> None:
    assert set(SOURCES) == set(EVENTS)
    assert set(SOURCES.values()) <= {"/siraba/intake", "/siraba/referral", "/siraba/reporting"}
    assert not set(EVENTS) & set(REQUESTS)
    assert not set(FEED) & set(REQUESTS)


def test_events_are_past_participles_and_requests_imperatives() -> None:
    spoken = {model.name.partition(".")[2] for model in (*EVENTS.values(), *FEED.values())}
    asked = {model.name.partition(".")[2] for model in REQUESTS.values()}

    irregular = {"done", "given", "withdrawn", "overdue", "sent"}
    assert all(word.endswith("ed") for word in spoken - irregular)
    assert not any(word.endswith("ed") for word in asked)


def test_the_asyncapi_documents_show_every_message_with_its_payload_in_place() -> None:
    shown = [
        json.loads(path.read_text(encoding="utf-8"))["components"]["messages"]
        for path in (ASYNCAPI, ASYNCAPI_INTERNAL)
    ]

    messages = [message for one in shown for message in one.values()]
    assert len(messages) == len(ALL)
    assert "$defs" not in json.dumps(messages)
    assert {message["name"] for message in messages} == {m.ce_type() for m in ALL}
