"""The page of settings says what the settings say, of every setting that there is."""

import re

import pytest

from chassis.settings import ServiceSettings
from deploy.settings_reference import PAGE, reference
from services.intake.settings import IntakeSettings
from services.referral.settings import ReferralSettings
from services.reporting.settings import ReportingSettings

pytestmark = pytest.mark.share("operators")


def test_the_page_is_what_the_settings_say() -> None:
    assert PAGE.read_text(encoding="utf-8") == reference(), "python -m deploy.settings_reference"


def test_every_setting_has_a_meaning_and_a_default_or_is_required() -> None:
    rows = re.findall(r"^\| `(SIRABA_\w+)` \| (.+?) \| (.+) \|$", reference(), re.MULTILINE)
    assert len(rows) == reference().count("| `SIRABA_")
    assert [name for name, default, meaning in rows if not default or meaning == "None"] == []


@pytest.mark.parametrize("settings", [IntakeSettings, ReferralSettings, ReportingSettings])
def test_no_service_has_a_setting_that_the_page_lacks(settings: type[ServiceSettings]) -> None:
    missing = [
        name for name in settings.model_fields if f"`SIRABA_{name.upper()}`" not in reference()
    ]
    assert missing == []
