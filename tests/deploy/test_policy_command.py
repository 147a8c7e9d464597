import pytest
from rich.cells import cell_len
from typer.testing import CliRunner

from contracts.policy import VERSION
from contracts.vocabulary import codes
from deploy.cli import app

pytestmark = pytest.mark.share("sealed")


def printed(*arguments: str) -> str:
    result = CliRunner().invoke(app, ["policy", "show", *arguments], env={"COLUMNS": "100"})
    assert result.exit_code == 0, result.output
    return result.output


def line_of(text: str, start: str) -> str:
    (found,) = [line for line in text.splitlines() if line.strip().startswith(start)]
    return " ".join(found.strip().removeprefix(start).split())


def test_the_matrix_fits_a_terminal_and_reads_as_the_domain_has_it() -> None:
    shown = printed()

    assert VERSION in shown
    assert line_of(shown, "National committee") == "F F – K K – – – S+K S S"
    assert line_of(shown, "Shelter") == "F F O O – O O F S¹ O F²"
    assert "¹  next date only" in shown
    assert max(cell_len(line) for line in shown.splitlines()) <= 100


def test_an_offer_shows_how_little_it_carries() -> None:
    assert line_of(printed("--stage", "offered"), "Shelter") == "F F – – – – – – – S –"


@pytest.mark.parametrize("lang", ["fr", "en"])
@pytest.mark.parametrize("reader", codes("reader"))
def test_every_reader_is_shown_in_both_languages(reader: str, lang: str) -> None:
    shown = printed("--reader", reader, "--lang", lang)

    assert "G10" in shown
    assert max(cell_len(line) for line in shown.splitlines()) <= 100


def test_french_speaks_french() -> None:
    shown = printed("--reader", "police", "--lang", "fr")

    assert "Obligation légale" in shown
    assert "certificat médico-légal uniquement" in shown
    assert "Bases valables" in shown


@pytest.mark.parametrize(
    "wrong", [("--reader", "militia"), ("--stage", "asked"), ("--lang", "de")], ids=lambda w: w[0]
)
def test_an_unknown_choice_lists_the_known_ones(wrong: tuple[str, str]) -> None:
    result = CliRunner().invoke(app, ["policy", "show", *wrong])

    assert result.exit_code == 1
    assert "choose one of" in result.output
    assert wrong[1] not in result.output


def test_the_command_explains_itself() -> None:
    result = CliRunner().invoke(app, ["policy", "show", "--help"])

    assert result.exit_code == 0
    assert "siraba policy show --reader police" in result.output
