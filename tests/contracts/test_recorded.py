"""Messages of every version are read by the code of today, and the other way round."""

import json
import shutil
from base64 import b64decode
from pathlib import Path
from typing import Any

import jsonschema_rs
import pytest

from contracts.envelope import Rejected
from contracts.generate import SCHEMAS, rendered
from contracts.keyring import generate_sealing_key
from contracts.recorded import EXAMPLES, Recorded, recorded_messages
from contracts.recording import BODIES, entropy, example_key, made, write
from contracts.releases import RELEASED, newest_release
from contracts.sealing import Place, Sealed, open_sealed
from contracts.signing import SignatureRefused
from tests.contracts.archive import TYPES, misread, taken

pytestmark = pytest.mark.share("partners")
ALL = list(recorded_messages())
each = pytest.mark.parametrize(
    "one", ALL, ids=lambda one: f"{one.version}-{one.channel}-{one.type}"
)


def schema_in(folder: Path, one: Recorded) -> Any:
    return json.loads((folder / one.channel / f"{one.type}.json").read_bytes())


def is_valid(schema: Any, body: bytes) -> bool:
    validator = jsonschema_rs.validator_for(schema, validate_formats=True)
    return validator.is_valid(json.loads(body))


def test_a_message_of_every_type_is_recorded() -> None:
    recorded = {(one.channel, one.type) for one in ALL}

    missing = {(channel, type) for channel, types in TYPES.items() for type in types} - recorded
    assert missing == set(), f"say one in {BODIES} of the next version: contracts/recording.py"


@each
def test_it_is_verified_and_read_by_the_code_of_today(one: Recorded) -> None:
    message = taken(one)

    assert message.ce_type() == one.type


def test_nothing_of_a_recorded_message_is_lost_in_reading() -> None:
    assert list(misread(iter(ALL), TYPES)) == []


@each
def test_it_is_valid_by_the_schemas_of_its_version_and_of_today(one: Recorded) -> None:
    released = RELEASED / one.version / SCHEMAS.name

    assert is_valid(schema_in(SCHEMAS, one), one.body)
    if released.exists():
        assert is_valid(schema_in(released, one), one.body)


def test_what_is_written_today_is_valid_by_the_newest_released_schemas() -> None:
    released = newest_release() / SCHEMAS.name
    known = [one for one in ALL if (released / one.channel / f"{one.type}.json").exists()]

    assert len(known) >= 39
    for one in known:
        assert is_valid(schema_in(released, one), taken(one).encode()), one.type


def test_schemas_that_anything_would_pass_are_noticed() -> None:
    for one in ALL:
        body = json.loads(one.body)
        for name in schema_in(SCHEMAS, one).get("required", ()):
            less = {key: value for key, value in body.items() if key != name}
            assert not is_valid(schema_in(SCHEMAS, one), json.dumps(less).encode())


@each
def test_it_is_refused_when_a_letter_is_changed(one: Recorded) -> None:
    with pytest.raises(SignatureRefused):
        taken(one._replace(body=one.body + b" "))
    with pytest.raises(SignatureRefused):
        taken(one._replace(headers=one.headers | {"ce-type": "ml.siraba.case.vanished.v1"}))


def test_one_is_not_taken_on_the_channel_of_another() -> None:
    (offer,) = (
        one for one in ALL if (one.channel, one.type) == ("feed", "ml.siraba.referral.offered.v1")
    )

    with pytest.raises(Rejected):
        taken(offer._replace(channel="events"))


def test_what_is_sealed_opens_with_its_recipients_key() -> None:
    (told,) = (one for one in ALL if one.type == "ml.siraba.dossier.disclosed.v1")
    body = json.loads(told.body)
    recipient = told.subject.split(".")[1]
    place = Place(told.event["id"], recipient, told.event["subject"], tuple(body["sections"]))
    private = generate_sealing_key(entropy(f"sealing {recipient}"))

    opened = open_sealed(
        Sealed.model_validate(body["sealed"]),
        place,
        keys={example_key(recipient, "sealing").id: private},
    )

    assert json.loads(opened)["identity"]["prs_FirstName"] == "Sira"


def test_making_them_again_makes_the_same() -> None:
    again = {
        EXAMPLES / version / path: event
        for version, messages in made().items()
        for path, event in messages
    }

    assert again.keys() == set(EXAMPLES.glob("*/*/*.json"))
    for path, event in again.items():
        if '"ciphertext"' in b64decode(event["data_base64"]).decode():
            continue  # its keys come from the system, each time others
        assert path.read_text("utf-8") == rendered(event), path.name


def test_a_released_version_is_not_recorded_again(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    shutil.copytree(EXAMPLES, tmp_path, dirs_exist_ok=True)

    assert write("1.0", examples=tmp_path) == 1
    assert "released" in capsys.readouterr().out


def test_a_new_version_is_recorded_beside_it(tmp_path: Path) -> None:
    entry = {"channel": "requests", "name": "referral.accept", "by": "CSREF_KAYES", "body": {}}
    entry["body"] = {"referral_id": json.loads(ALL[-1].body)["referral_id"]}
    (tmp_path / "9.0").mkdir()
    (tmp_path / "9.0" / BODIES).write_text(json.dumps([entry]))

    assert write("9.0", examples=tmp_path) == 0

    (one,) = recorded_messages(tmp_path)
    assert (one.version, one.subject) == ("9.0", "in.CSREF_KAYES.referral.accept.v1")
    assert "CSREF_KAYES" in (tmp_path / "keys.json").read_text()
