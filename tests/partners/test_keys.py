import base64
import json
import re
import stat
from pathlib import Path

import pytest

from partners.kit import KeysRefused, init, load
from partners.kit.keys import PRIVATE, PUBLIC, SEALING, SEED, SIGNING

pytestmark = pytest.mark.share("partners")


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


def test_only_the_owner_can_read_the_keys_or_enter_their_folder(tmp_path: Path) -> None:
    folder = tmp_path / "new" / "shelter"
    folder.mkdir(parents=True, mode=0o755)

    init(folder, code="SHELTER_A")

    assert mode(folder) == 0o700
    assert {name: mode(folder / name) for name in PRIVATE} == dict.fromkeys(PRIVATE, 0o600)


def test_the_public_file_has_the_four_agreed_fields_signed_and_no_private_half(
    tmp_path: Path,
) -> None:
    keys = init(tmp_path / "a", code="SHELTER_A")

    handed_over = (tmp_path / "a" / PUBLIC).read_text()

    public = json.loads(handed_over)
    assert list(public) == ["code", "nkey", "signing", "sealing", "proof"]
    assert public["code"] == "SHELTER_A"
    assert re.fullmatch(r"U[A-Z2-7]{55}", public["nkey"])
    assert len(base64.urlsafe_b64decode(public["signing"] + "==")) == 32
    assert len(base64.urlsafe_b64decode(public["sealing"] + "==")) == 32
    assert keys.seed not in handed_over


def test_keys_are_read_back_as_they_were_made(tmp_path: Path) -> None:
    made = init(tmp_path / "a", code="SHELTER_A")

    read = load(tmp_path / "a", code="SHELTER_A")

    assert read.public() == made.public()
    assert read.seed == made.seed


def test_two_organisations_share_no_key(tmp_path: Path) -> None:
    one = init(tmp_path / "a", code="SHELTER_A").public()
    other = init(tmp_path / "b", code="CLINIC_B").public()

    assert not set(one.values()) & set(other.values())


@pytest.mark.parametrize("present", [*PRIVATE, PUBLIC])
def test_no_file_is_ever_overwritten(tmp_path: Path, present: str) -> None:
    (tmp_path / present).write_text("in use")

    with pytest.raises(KeysRefused, match=re.escape(present)):
        init(tmp_path, code="SHELTER_A")

    assert [path.name for path in tmp_path.iterdir()] == [present]


@pytest.mark.parametrize("code", ["shelter", "A", "A.B", "*", "PLATFORM", "SYS", ""])
def test_a_code_that_cannot_be_an_organisations_makes_nothing(tmp_path: Path, code: str) -> None:
    with pytest.raises(KeysRefused, match="organisation code"):
        init(tmp_path / "a", code=code)

    assert not (tmp_path / "a").exists()


@pytest.mark.parametrize("name", PRIVATE)
@pytest.mark.parametrize("rights", [0o640, 0o604, 0o660])
def test_a_key_that_others_can_read_is_refused_with_the_remedy(
    tmp_path: Path, name: str, rights: int
) -> None:
    init(tmp_path / "a", code="SHELTER_A")
    (tmp_path / "a" / name).chmod(rights)

    with pytest.raises(KeysRefused, match=f"chmod 600 .*{name}"):
        load(tmp_path / "a")


def test_another_organisations_folder_is_refused(tmp_path: Path) -> None:
    init(tmp_path / "a", code="SHELTER_A")

    with pytest.raises(KeysRefused, match="another organisation than CLINIC_B"):
        load(tmp_path / "a", code="CLINIC_B")


def test_an_empty_folder_says_how_to_begin(tmp_path: Path) -> None:
    with pytest.raises(KeysRefused, match="siraba-partner init"):
        load(tmp_path)


@pytest.mark.parametrize("name", PRIVATE)
def test_a_missing_key_is_named(tmp_path: Path, name: str) -> None:
    init(tmp_path / "a", code="SHELTER_A")
    (tmp_path / "a" / name).unlink()

    with pytest.raises(KeysRefused, match=name):
        load(tmp_path / "a")


@pytest.mark.parametrize(
    ("name", "content"),
    [
        (SEED, "SUNOTASEED"),
        (SEED, "é"),
        (SIGNING, "not a key"),
        (SEALING, "not a key"),
        (PUBLIC, "not JSON"),
        (PUBLIC, "[]"),
    ],
)
def test_a_damaged_file_is_named_and_its_content_is_not_shown(
    tmp_path: Path, name: str, content: str
) -> None:
    init(tmp_path / "a", code="SHELTER_A")
    (tmp_path / "a" / name).write_text(content)

    with pytest.raises(KeysRefused, match=name) as caught:
        load(tmp_path / "a")

    assert content not in str(caught.value).replace(PUBLIC, "")


def test_swapped_key_files_are_noticed(tmp_path: Path) -> None:
    init(tmp_path / "a", code="SHELTER_A")
    init(tmp_path / "b", code="SHELTER_A")
    (tmp_path / "a" / SIGNING).write_bytes((tmp_path / "b" / SIGNING).read_bytes())

    with pytest.raises(KeysRefused, match="signing is not the half"):
        load(tmp_path / "a")


def test_a_sealing_key_is_no_signing_key(tmp_path: Path) -> None:
    init(tmp_path / "a", code="SHELTER_A")
    (tmp_path / "a" / SIGNING).write_bytes((tmp_path / "a" / SEALING).read_bytes())

    with pytest.raises(KeysRefused, match="not an Ed25519 private key"):
        load(tmp_path / "a")


def test_no_log_can_show_a_private_key(tmp_path: Path) -> None:
    keys = init(tmp_path / "a", code="SHELTER_A")

    assert keys.seed not in f"{keys} {keys!r}"
