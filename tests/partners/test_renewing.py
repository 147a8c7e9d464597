import json
from datetime import UTC, datetime
from pathlib import Path

import pytest
from typer.testing import CliRunner

from contracts.countersigning import PREVIOUS, PROOF, is_proven
from partners.kit import KeysRefused, init, load
from partners.kit.cli import app
from partners.kit.renewing import NEXT, renew, take_into_use

pytestmark = pytest.mark.share("partners")
NOW = datetime(2026, 11, 28, 9, tzinfo=UTC)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    init(tmp_path / "shelter", code="SHELTER_A")
    return tmp_path / "shelter"


def test_new_keys_are_vouched_for_by_themselves_and_by_the_earlier(folder: Path) -> None:
    old = load(folder).public()
    new = renew(folder).public()

    handed_over = json.loads((folder / NEXT / "public.json").read_text())
    assert is_proven(handed_over, handed_over[PROOF], by=new["signing"])
    assert is_proven(handed_over, handed_over[PREVIOUS], by=old["signing"])
    changed = handed_over | {"sealing": old["sealing"]}
    assert not is_proven(changed, handed_over[PREVIOUS], by=old["signing"])
    assert load(folder).public() == old, "until they are taken into use"
    with pytest.raises(KeysRefused, match="never overwritten"):
        renew(folder)


@pytest.mark.parametrize("moves", range(6))
def test_a_switch_that_was_cut_short_is_finished_by_the_next(
    folder: Path, moves: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    old, new = load(folder), renew(folder).public()
    left = moves
    for name in ("rename", "replace"):
        real = getattr(Path, name)

        def dying(self: Path, target: Path, real: object = real) -> object:
            nonlocal left
            if not left:
                raise KeyboardInterrupt
            left -= 1
            return real(self, target)  # type: ignore[operator]  # one of Path's own

        monkeypatch.setattr(Path, name, dying)
    if moves < 5:
        with pytest.raises(KeyboardInterrupt):
            take_into_use(folder, now=NOW)
        monkeypatch.undo()
    assert take_into_use(folder, now=NOW).public() == new
    kept = [key.private_bytes_raw() for key in load(folder).earlier]
    assert kept == [old.sealing.private_bytes_raw()]
    assert not (folder / NEXT).exists()


def test_the_command_line_says_what_comes_next(folder: Path) -> None:
    told = CliRunner().invoke(app, ["renew", "--dir", str(folder)])
    assert f"Hand over {folder / NEXT / 'public.json'}" in told.output
    assert CliRunner().invoke(app, ["switch", "--dir", str(folder)]).exit_code == 0
    again = CliRunner().invoke(app, ["switch", "--dir", str(folder)])
    assert again.exit_code == 1
    assert "make the next keys with `siraba-partner renew`" in again.output
