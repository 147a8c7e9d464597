"""What intake shows an owner of the services that nobody is asked for."""

from uuid import uuid4

import pytest
from sqlalchemy import text

from chassis.database import open_engine
from contracts.event import Message
from contracts.keyring import Keyring
from contracts.referral import ReferralOffered, ReferralUnplaced
from services.intake.use_cases.following import Followed, follow_referrals
from tests.builders import NOON
from tests.servers import Database

pytestmark = [pytest.mark.connected, pytest.mark.share("lifecycle")]
LEFT = ReferralUnplaced(service="shelter", reason="high_risk", unplaced_id=uuid4())
OFFERED = ReferralOffered(
    referral_id=uuid4(),
    organisation="SHELTER_C",
    organisation_kind="shelter",
    service="shelter",
    urgency="urgent_72h",
    region="12",
    rank=2,
    ground="consent",
    policy_version="1",
    chosen_by_role="case_owner",
)
AID = ReferralUnplaced(service="legal_aid", reason="no_candidate", unplaced_id=uuid4())


@pytest.mark.parametrize(
    ("batches", "services"),
    [
        (([AID, LEFT],), ["legal_aid", "shelter"]),
        (([AID, LEFT], [OFFERED]), ["legal_aid"]),
        (([AID, LEFT, OFFERED],), ["legal_aid"]),
        (([OFFERED, LEFT, AID],), ["legal_aid", "shelter"]),
    ],
)
async def test_a_service_waits_until_somebody_is_asked_for_it(
    fresh_database: Database, batches: tuple[list[Message], ...], services: list[str]
) -> None:
    case_id = str(uuid4())
    engine = open_engine(fresh_database.url("intake_work"), schema="intake", pool_size=1)
    for batch in batches:
        said = [Followed(id=uuid4(), event=one, subject=case_id, at=NOON) for one in batch]
        async with engine.begin() as connection:
            await follow_referrals(connection, said, officers=Keyring())
    async with engine.connect() as connection:
        rows = (await connection.execute(text("select service, unplaced_id from unplaced"))).all()
    await engine.dispose()

    ids = {"shelter": LEFT.unplaced_id, "legal_aid": AID.unplaced_id}
    assert sorted(row.service for row in rows) == services
    assert all(row.unplaced_id == ids[row.service] for row in rows)
