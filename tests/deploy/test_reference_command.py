"""`siraba reference`, run as a person runs it."""

import json

import pytest
from typer.testing import CliRunner

from deploy.cli import app

pytestmark = pytest.mark.share("lifecycle")


def printed(*arguments: str, code: int = 0) -> str:
    result = CliRunner().invoke(app, ["reference", *arguments])
    assert result.exit_code == code, result.output
    return result.output


def test_the_courts_of_a_day_are_listed_with_their_sources() -> None:
    before, after = (printed("courts", "--on", day) for day in ("2025-06-12", "2025-06-13"))
    assert "assize_court: Assize court" in before
    assert "high_court_criminal" not in before
    assert "high_court_criminal: High court, criminal chamber" in after
    assert "assize_court" not in after
    assert "https://lessor.ml/posts/mali-traite-des-personnes" in after


def test_the_holidays_are_those_of_the_days_year_in_their_order() -> None:
    found = json.loads(printed("holidays", "--on", "2026-11-28", "--json"))
    days = {line["code"]: line["on"] for line in found}
    assert (days["easter_monday"], days["new_year_2026"]) == ("2026-04-06", "2026-01-02")
    assert "mawlid_birth_2023" not in days
    shown = [line[:10] for line in printed("holidays", "--on", "2026-11-28").splitlines()
             if line.startswith("2026")]  # fmt: skip
    assert shown == sorted(days.values())


def test_offences_name_their_law_and_article_in_french_too() -> None:
    shown = printed("offences", "--on", "2026-11-28", "--lang", "fr")
    assert "Loi 2012-023 du 12 juillet 2012 3" in shown
    assert "Non-dénonciation par un agent public" in shown


@pytest.mark.parametrize("wrong", [("penalties",), ("courts", "--lang", "bm")])
def test_what_is_not_kept_is_refused_with_what_is(wrong: tuple[str, ...]) -> None:
    assert "choose one of" in printed(*wrong, code=1)
