import base64
import stat
from pathlib import Path

import pytest

from chassis.secrets import (
    SecretUnusable,
    destroy_secret,
    make_secret,
    read_private,
    read_secret,
)
from tests.builders import CANARY

KEY = bytes(range(32))


def written(folder: Path, content: bytes, mode: int = 0o600) -> Path:
    path = folder / "dossier.key"
    path.write_bytes(content)
    path.chmod(mode)
    return folder


@pytest.mark.parametrize("padded", [True, False], ids=["padded", "bare"])
@pytest.mark.parametrize("mode", [0o600, 0o400])
def test_a_key_that_only_its_owner_may_read_is_read(
    tmp_path: Path, padded: bool, mode: int
) -> None:
    encoded = base64.urlsafe_b64encode(KEY)
    written(tmp_path, encoded + b"\n" if padded else encoded.rstrip(b"="), mode)

    assert read_secret(tmp_path, "dossier.key") == KEY


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o660, 0o666, 0o644, 0o610, 0o601])
def test_a_key_that_others_may_touch_is_refused(tmp_path: Path, mode: int) -> None:
    written(tmp_path, base64.urlsafe_b64encode(KEY), mode)

    with pytest.raises(SecretUnusable, match=r"dossier\.key: others may read it"):
        read_secret(tmp_path, "dossier.key")


@pytest.mark.parametrize(
    "content",
    [
        b"",
        base64.urlsafe_b64encode(KEY[:31]),
        base64.urlsafe_b64encode(KEY + b"x"),
        CANARY.encode(),
        b"\xff" * 43,
        b"!" + base64.urlsafe_b64encode(KEY),
        base64.urlsafe_b64encode(KEY)[:20] + b" " + base64.urlsafe_b64encode(KEY)[20:],
    ],
)
def test_a_file_that_holds_no_key_is_refused_without_repeating_it(
    tmp_path: Path, content: bytes
) -> None:
    written(tmp_path, content)

    with pytest.raises(SecretUnusable, match=r"dossier\.key: ") as refused:
        read_secret(tmp_path, "dossier.key")

    assert CANARY not in str(refused.value)
    assert refused.value.__cause__ is None


def test_a_key_that_is_missing_is_named(tmp_path: Path) -> None:
    with pytest.raises(SecretUnusable, match=r"feed\.key: missing"):
        read_secret(tmp_path, "feed.key")


def test_a_secret_is_made_once_for_its_owner_only_and_leaves_no_draft(tmp_path: Path) -> None:
    path = tmp_path / "folder" / "some.key"

    assert make_secret(path, b"first")
    assert not make_secret(path, b"second")
    assert path.read_bytes() == read_private(path.parent, "some.key") == b"first"
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700
    assert [one.name for one in path.parent.iterdir()] == ["some.key"]


def test_a_destroyed_secret_is_overwritten_even_where_it_is_still_open(tmp_path: Path) -> None:
    path = tmp_path / "some.key"
    make_secret(path, CANARY.encode())
    with path.open("rb") as still_open:
        destroy_secret(path)
        destroy_secret(path)

        assert not path.exists()
        assert set(still_open.read()) == {0}
