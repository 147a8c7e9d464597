import json
import stat
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from typer.testing import CliRunner

from contracts.handed_over import SECOND_WORDS, WORDS
from contracts.keyring import PublicKey
from deploy.cli import app
from deploy.directory_publish import public_keys, words_of
from deploy.keys import KeyFileError
from deploy.officer import (
    PRIVATE,
    believe,
    check_file,
    countersign_file,
    ensure_officer,
    make_officer,
    officers_of,
    read_officer,
)
from deploy.onboarding import keep_public_keys
from deploy.state import State
from partners.kit import init
from partners.kit.renewing import NEXT, renew

pytestmark = pytest.mark.share("operators")
NOW = datetime.now(UTC)
CODE = "SHELTER_A"


@pytest.fixture
def state(tmp_path: Path) -> State:
    """With a first officer, whose key has been taken elsewhere."""
    state = State(tmp_path / "state")
    state.prepare()
    ensure_officer(state, now=NOW)
    (state.officer / PRIVATE).rename(tmp_path / "first.key")
    return state


@pytest.fixture
def second(state: State, tmp_path: Path) -> Path:
    """A second officer's private key."""
    believe(state, [make_officer(tmp_path / "second.key", now=NOW)])
    return tmp_path / "second.key"


def before(folder: Path, **life: datetime) -> list[PublicKey]:
    """What the directory has of the organisation whose keys lie there."""
    held = json.loads((folder / "public.json").read_text())
    return [
        PublicKey.model_validate(
            {"owner": CODE, "use": use, "key": held[use], "valid_from": NOW - timedelta(days=9)}
        ).model_copy(update=life)
        for use in ("signing", "sealing")
    ]


def vouched(folder: Path, *officers: Path) -> Path:
    for one in officers:
        countersign_file(folder / "public.json", read_officer(one))
    return folder / "public.json"


def refused(state: State, file: Path, known: list[PublicKey]) -> str:
    with pytest.raises(KeyFileError) as caught:
        check_file(file, state=state, before=known, now=NOW)
    return str(caught.value)


def test_a_lost_key_comes_back_on_the_word_of_two_officers_and_not_of_one(
    state: State, second: Path, tmp_path: Path
) -> None:
    init(tmp_path / "lost", code=CODE)
    init(tmp_path / "fresh", code=CODE)
    file, known = vouched(tmp_path / "fresh", tmp_path / "first.key"), before(tmp_path / "lost")
    stolen = before(tmp_path / "lost", suspect_from=NOW - timedelta(days=1))
    revoked = before(tmp_path / "lost", valid_until=NOW - timedelta(days=1))

    for ever_had in (known, stolen, revoked):
        assert "have two officers vouch for it" in refused(state, file, ever_had)
    vouched(tmp_path / "fresh", tmp_path / "first.key")
    assert "have two officers vouch for it" in refused(state, file, known), "one officer twice"
    vouched(tmp_path / "fresh", second)
    for ever_had in (known, stolen, revoked):
        check_file(file, state=state, before=ever_had, now=NOW)
    held = json.loads(file.read_text())
    assert held[WORDS].keys() == held[SECOND_WORDS].keys() == {"signing", "sealing"}

    keep_public_keys(state, [file])
    keys = public_keys(state, now=NOW)
    words = words_of(state, keys)
    ids = {key.id for key in keys}
    assert words.first.keys() == words.second.keys() == ids


def test_a_thief_of_the_key_before_renews_nothing_once_it_has_ended(
    state: State, tmp_path: Path
) -> None:
    init(tmp_path / "own", code=CODE)
    renew(tmp_path / "own")
    file = vouched(tmp_path / "own" / NEXT, tmp_path / "first.key")

    check_file(file, state=state, before=before(tmp_path / "own"), now=NOW)
    for life in ({"valid_until": NOW}, {"suspect_from": NOW}):
        assert "two officers" in refused(state, file, before(tmp_path / "own", **life))
    again = vouched(tmp_path / "own", tmp_path / "first.key")
    ended = before(tmp_path / "own", valid_until=NOW)
    assert "signing: has ended" in refused(state, again, ended)


def siraba(*arguments: object, fails: bool = False) -> str:
    result = CliRunner().invoke(app, ["officer", *map(str, arguments)])
    assert result.exit_code == int(fails), result.output
    return result.output


def test_an_officer_is_made_believed_and_ended_by_commands(state: State, tmp_path: Path) -> None:
    key, at = tmp_path / "stick.key", ("--state-dir", state.root)
    (tmp_path / "public.json").write_text(siraba("make", key))
    assert stat.S_IMODE(key.stat().st_mode) == 0o600
    assert "never overwritten" in siraba("make", key, fails=True)
    signer = read_officer(key)

    assert signer.key_id in siraba("trust", tmp_path / "public.json", *at)
    assert siraba("show", *at).count("counts") == 2
    siraba("end", signer.key_id, *at)
    assert f"{signer.key_id}  since" in (shown := siraba("show", *at))
    assert "key expired" in shown
    assert "no officer has this key" in siraba("end", "0" * 16, *at, fails=True)
    ended = officers_of(state).get(signer.key_id, use="signing")
    assert ended is not None
    assert ended.valid_until is not None


def test_only_an_officers_key_is_believed(state: State, tmp_path: Path) -> None:
    file = tmp_path / "keys.json"
    for text, said in (
        ("{}", "holds no officer's public key"),
        (officers_of(state).write().replace("DIRECTORY_OFFICER", "SHELTER_A"), "owner: must be"),
    ):
        file.write_text(text)
        assert said in siraba("trust", file, "--state-dir", state.root, fails=True)
    assert len(officers_of(state).keys) == 1
