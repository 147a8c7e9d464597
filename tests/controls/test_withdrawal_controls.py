"""That a withdrawal would be missed: each time one protection is replaced, and the message is told."""

from secrets import token_bytes
from uuid import UUID, uuid4

import pytest
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from chassis.assembly import Parts
from chassis.relay import CheckGrounds, Relay
from chassis.relay.loop import nothing_fell
from contracts.intake import CodedCase, Consent
from contracts.keyring import encode_base64url, generate_sealing_key
from services.intake.store.consents import add_decision
from services.intake.use_cases.checking import find_fallen
from services.intake.use_cases.disclosing import Accepted, Discloser, release_accepted
from services.intake.use_cases.registering import Keeping, Submitted, register_cases
from services.intake.vault import KeyFiles, Vault
from tests.builders import CANARY, coded_facts
from tests.chassis.outgoing import SHELTER
from tests.chassis.test_withdrawal import feed
from tests.parts import Site

pytestmark = pytest.mark.share("sealed")
NO = Consent(recipient_kind="shelter", state="refused", by="person")


def relay_that(parts: Parts, fallen: CheckGrounds) -> Relay:
    """The relay of these parts, with another answer to whether a ground still holds."""
    ours = parts.relay
    return Relay(
        service="intake",
        engine=ours.engine,
        wire=ours.wire,
        stamper=ours.stamper,
        tracing=ours.tracing,
        fallen=fallen,
    )


async def disclosed(site: Site, parts: Parts) -> UUID:
    """One disclosure on consent waits in the outbox; then she says no, and nobody looks for it."""
    discloser = Discloser(
        mint=parts.mint,
        vault=Vault(KeyFiles(site.folder / "kek", token_bytes), token_bytes),
        feed_key=b"f" * 32,
    )
    key = encode_base64url(generate_sealing_key(token_bytes(32)).public_key().public_bytes_raw())
    async with parts.work.begin() as connection:
        submitted = Submitted(
            organisation="POLICE_A",
            key="case-0001",
            digest=b"d",
            facts=CodedCase.model_validate(coded_facts(age_band="25-34")),
            dossier={"identity": {"full_name": CANARY}},
            trace=None,
        )
        keeping = Keeping(discloser.vault, b"p" * 32)
        await register_cases(connection, [submitted], mint=parts.mint, keeping=keeping)
        case_id: UUID = (await connection.execute(text("select case_id from cases"))).scalar_one()
        referral_id = await _accept(connection, case_id, key)
        accepted = Accepted(
            referral_id=referral_id, case_id=case_id, cause=str(uuid4()), trace=None
        )
        await release_accepted(connection, [accepted], by=discloser)
    async with parts.work.begin() as connection:
        await add_decision(
            connection,
            NO,
            decision_id=uuid4(),
            case_id=case_id,
            at=parts.mint.moment(),
            recorded_by="POLICE_A",
        )
    return case_id


async def _accept(connection: AsyncConnection, case_id: UUID, key: str) -> UUID:
    referral_id = uuid4()
    for statement in (
        "insert into organisations values ('SHELTER_B', 'shelter', 'nats')",
        "insert into organisation_keys values (:key, 'SHELTER_B', 'sealing', '2020-01-01T00:00Z')",
        "insert into steps values (:referral, 'accepted', :case, 'SHELTER_B', 'shelter', now())",
    ):
        bound = {"key": key, "referral": referral_id, "case": case_id}
        used = {name: value for name, value in bound.items() if f":{name}" in statement}
        await connection.execute(text(statement), used)
    return referral_id


async def told(site: Site, *, asks_again: bool) -> list[str]:
    """What the shelter gets to see of it."""
    async with site.parts("intake") as parts:
        await disclosed(site, parts)

        async def ours(connection: AsyncConnection, rows: object) -> object:
            return await find_fallen(connection, rows, at=parts.mint.moment())  # type: ignore[arg-type]  # as the relay calls it

        relay = relay_that(parts, ours if asks_again else nothing_fell)  # type: ignore[arg-type]  # as above
        async with parts.work.connect() as connection:
            while await relay.carry(connection):
                pass
    return [(one.headers or {})["ce-type"] for one in await feed(site, SHELTER)]


async def test_a_relay_that_does_not_ask_again_tells_what_nothing_carries_any_more(
    site: Site,
) -> None:
    assert await told(site, asks_again=False) == ["ml.siraba.dossier.disclosed.v1"]


async def test_our_relay_does_not(site: Site) -> None:
    assert await told(site, asks_again=True) == []
