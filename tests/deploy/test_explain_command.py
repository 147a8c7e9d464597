import asyncio
from pathlib import Path
from uuid import uuid4

import pytest
from typer.testing import CliRunner

from chassis.database import open_engine
from deploy.cli import app
from deploy.platform import running_platform
from deploy.settings import PlatformSettings
from tests.builders import a_mint
from tests.referral.offices import ADULT, Office
from tests.servers import open_folder

pytestmark = [pytest.mark.connected, pytest.mark.share("lifecycle")]


async def explained(state: Path, *arguments: str, fails: bool = False) -> str:
    call = ["explain", *arguments, "--state-dir", str(state)]
    result = await asyncio.to_thread(CliRunner().invoke, app, call)
    assert result.exit_code == int(fails), result.output
    return result.output


async def test_a_referral_and_a_whole_case_are_explained_in_both_languages() -> None:
    with open_folder() as folder:
        settings = PlatformSettings(state_dir=folder, front_port=0, nats_port=0)
        async with running_platform(settings, services=()) as platform:
            url = platform.database_url("referral_work")
            engine = open_engine(url, schema="referral", pool_size=1)
            office = Office(engine, a_mint())
            needs = {"needs": ["shelter", "legal_aid"], "owner": "GEND_KITA", "cercle": "1201"}
            (case_id,) = await office.offer({**ADULT, **needs})
            referral = await office.open_offer("SHELTER_SUTURA_KITA")
            await engine.dispose()

            english = await explained(folder, str(referral))
            french = await explained(folder, str(case_id), "--lang", "fr")
            unknown = await explained(folder, str(uuid4()), fails=True)
            await explained(folder, str(referral), "--lang", "de", fails=True)

    lines = english.splitlines()
    assert lines[0] == "Shelter (Urgent (72 h)): asked of SHELTER_SUTURA_KITA"
    assert "  It comes before the second because it is nearer." in lines
    assert "     It is in the same cercle: Kita." in lines
    assert "  2. SHELTER_BENKADI_KAYES (0101)" in lines
    assert "     It is in a neighbouring region: Kayes." in lines
    assert "  It does not serve the place where the person is: Kita." in lines
    assert (
        "Assistance juridique et judiciaire (Urgent (72 h)) : personne n’a été sollicité" in french
    )
    assert "  Rien ne permet de l’informer : ni consentement, ni autre base." in french
    assert "nothing was chosen under this id" in unknown
