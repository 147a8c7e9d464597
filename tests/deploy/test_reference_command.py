"""`siraba reference`, run as a person runs it."""

import asyncio
import json
from datetime import date

import pytest
from typer.testing import CliRunner

from chassis.database import open_engine
from deploy.cli import app
from deploy.platform import running_platform
from deploy.settings import PlatformSettings
from services.referral.store import holidays
from services.referral.store.directory import Author
from services.referral.store.holidays import Declared
from tests.servers import open_folder

pytestmark = pytest.mark.share("lifecycle")


def printed(*arguments: str, code: int = 0) -> str:
    result = CliRunner().invoke(app, ["reference", *arguments])
    assert result.exit_code == code, result.output
    return result.output if code else result.stdout


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


@pytest.mark.connected
async def test_what_the_committee_declared_is_listed_with_the_law_s_days_where_a_platform_runs() -> (
    None
):
    with open_folder() as folder:
        call = ("holidays", "--on", "2026-03-01", "--json", "--state-dir", str(folder))
        before = json.loads(printed(*call))
        settings = PlatformSettings(state_dir=folder, front_port=0, nats_port=0)
        async with running_platform(settings, services=()) as platform:
            engine = open_engine(
                platform.database_url("referral_work"), schema="referral", pool_size=1
            )
            author = Author(organisation="CN_LCTP", role="operator", person=None)
            feast = Declared(day=date(2026, 5, 27), fr="Tabaski", en="Eid", source="Communiqué 7")
            async with engine.begin() as connection:
                await holidays.say(connection, feast, is_off=True, author=author)
            await engine.dispose()
            found = json.loads(await asyncio.to_thread(printed, *call))

    declared = [line for line in found if line not in before]
    day = "2026-05-27"
    assert declared == [
        {"code": "declared", "fr": "Tabaski", "en": "Eid", "source": "Communiqué 7",
         "valid_from": day, "valid_to": day, "on": day},
    ]  # fmt: skip
