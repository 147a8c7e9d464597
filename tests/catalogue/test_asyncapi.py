"""The AsyncAPI documents, by the parser of those who wrote the standard, and by what we know."""

import json
import re
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import jsonschema_rs
import pytest

from contracts.catalogue import EVENTS, FEED, REQUESTS
from contracts.generate import ASYNCAPI, ASYNCAPI_INTERNAL, documents
from contracts.recorded import recorded_messages

pytestmark = pytest.mark.share("road")
HERE = Path(__file__).parent
BOTH = pytest.mark.parametrize("path", [ASYNCAPI, ASYNCAPI_INTERNAL], ids=lambda path: path.stem)
Document = dict[str, Any]


def parsed(content: str) -> Document:
    """What the parser says; `make test` installs it into node_modules here."""
    command = ["node", "parse.js"]
    ran = subprocess.run(
        command, cwd=HERE, input=content, capture_output=True, text=True, timeout=120, check=False
    )
    assert ran.returncode == 0, ran.stderr
    said: Document = json.loads(ran.stdout)
    return said


@BOTH
def test_the_parser_of_the_standard_finds_neither_error_nor_warning(path: Path) -> None:
    said = parsed(path.read_text("utf-8"))

    assert [one for one in said["found"] if one["severity"] in ("error", "warning")] == []
    assert said["operations"] > 15


def point_nowhere(document: Document) -> None:
    document["operations"]["sendReferralOffered"]["channel"]["$ref"] = "#/channels/nowhere"


def shout(document: Document) -> None:
    document["operations"]["sendReferralOffered"]["action"] = "shout"


def lock_with_an_unknown_lock(document: Document) -> None:
    document["components"]["securitySchemes"]["nkey"]["type"] = "nkey"


@pytest.mark.parametrize(
    "fault", [point_nowhere, shout, lock_with_an_unknown_lock], ids=lambda one: one.__name__
)
def test_a_document_with_a_fault_is_not_accepted(fault: Callable[[Document], None]) -> None:
    document = json.loads(ASYNCAPI.read_text("utf-8"))
    fault(document)

    said = parsed(json.dumps(document))

    assert "error" in {one["severity"] for one in said["found"]}


@BOTH
def test_every_example_is_valid_by_the_schema_beside_it(path: Path) -> None:
    """The parser does not look."""
    components = json.loads(path.read_text("utf-8"))["components"]
    headers = jsonschema_rs.validator_for(components["messageTraits"]["cloudevent"]["headers"])

    for message in components["messages"].values():
        body = jsonschema_rs.validator_for(message["payload"], validate_formats=True)
        (example,) = message["examples"]
        assert body.is_valid(example["payload"]), message["name"]
        assert body.is_valid({}) == (not message["payload"].get("required")), message["name"]
        assert headers.is_valid(example["headers"]), message["name"]
        assert example["headers"].keys() <= headers_of(components), message["name"]


def headers_of(components: Document) -> set[str]:
    return set(components["messageTraits"]["cloudevent"]["headers"]["properties"])


@BOTH
def test_every_place_in_an_address_is_described(path: Path) -> None:
    """The parser does not look."""
    for channel in json.loads(path.read_text("utf-8"))["channels"].values():
        assert set(re.findall(r"\{(\w+)\}", channel["address"])) == set(
            channel.get("parameters", ())
        )


def test_partners_see_their_feeds_and_requests_and_nothing_of_our_streams() -> None:
    content = dict(documents())
    partners, inside = content[ASYNCAPI], content[ASYNCAPI_INTERNAL]

    told = {message["name"] for message in partners["components"]["messages"].values()}
    assert told == {*FEED, *REQUESTS}
    assert "siraba.intake" not in json.dumps(partners["channels"])
    kept = {message["name"] for message in inside["components"]["messages"].values()}
    assert kept == set(EVENTS)


@BOTH
def test_every_message_has_words_and_a_recorded_example(path: Path) -> None:
    document = json.loads(path.read_text("utf-8"))
    recorded = {(one.type, one.subject) for one in recorded_messages()}

    for message in document["components"]["messages"].values():
        assert message["summary"].endswith("."), message["name"]
        (example,) = message["examples"]
        subject = example["summary"].split("`")[1]
        assert (message["name"], subject) in recorded
    assert {one["action"] for one in document["operations"].values()} <= {"send", "receive"}


def test_a_partner_sends_what_we_receive() -> None:
    operations = json.loads(ASYNCAPI.read_text("utf-8"))["operations"]

    assert operations["receiveReferralAccept"]["title"] == "You send referral.accept"
    assert operations["sendReferralOffered"]["title"] == "You read referral.offered"
    assert len(operations) == len(FEED) + len(REQUESTS)
