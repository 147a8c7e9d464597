"""Keys that were handed in and approved at the platform's pages, without the pages."""

from uuid import uuid4

from chassis.database import open_engine
from chassis.directory_keys import load_keys
from contracts.callers import Caller
from contracts.handed_over import HandedOver
from deploy.commands.context import database_url
from deploy.directory_publish import own_mint
from services.referral.store import handed_keys
from services.referral.use_cases.approving import Judged, vouch
from services.referral.use_cases.handing_in import hand_in
from services.referral.use_cases.sending_once import Form
from tests.journeys.road import Road


async def approved_by_page(road: Road, handed: HandedOver, countersigned: HandedOver) -> None:
    """What tests/people/test_handing_in.py does with browsers: the same use cases, on these tables."""
    owner = Caller(handed.code, "focal_point", "p-1")
    keeper = Caller("CNLTPPA", "data_officer", "p-2")
    engine = open_engine(
        database_url(road.platform.state, "referral_work"), schema="referral", pool_size=1
    )
    mint = own_mint()
    try:
        async with engine.begin() as connection:
            await hand_in(connection, _form(owner), handed, by=owner, mint=mint)
            found = await handed_keys.newest(connection, handed.code)
            assert found is not None
            judged = Judged(form=_form(keeper), code=handed.code, on=found.handed_id)
            await vouch(connection, judged, countersigned, by=keeper, mint=mint)
    finally:
        await engine.dispose()


async def sealed_to(road: Road, code: str) -> list[str]:
    """The keys to which intake seals what is for this organisation."""
    url = database_url(road.platform.state, "intake_work")
    engine = open_engine(url, schema="intake", pool_size=1)
    try:
        async with engine.connect() as connection:
            keys = await load_keys(connection, owner=code, use="sealing")
            return [key.key for key in keys if key.valid_until is None]
    finally:
        await engine.dispose()


def _form(who: Caller) -> Form:
    return Form(organisation=who.organisation, key=str(uuid4()), digest=b"sent")
