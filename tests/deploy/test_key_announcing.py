import asyncio
import json
from collections.abc import AsyncIterator, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from uuid import UUID

import pytest
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncEngine
from typer.testing import CliRunner

from chassis.database import open_engine
from chassis.trust import PlatformKeys, SigningKey
from contracts.keyring import Keyring, PublicKey
from deploy.cli import app
from deploy.embedded.processes import ServerError
from deploy.key_announcing import announce_keys, announce_new_months, rotate_signing_key
from deploy.key_checks import check_months
from deploy.key_rotation import monthly_keys
from deploy.signing_keys import (
    ensure_signing_keys,
    make_known,
    make_next,
    platform_keys,
    to_hand_over,
)
from deploy.state import State
from tests.builders import a_mint, an_organisation
from tests.referral.offices import publish
from tests.servers import Database

pytestmark = pytest.mark.share("sealed")
NOW = datetime(2026, 11, 24, 12, tzinfo=UTC)
TOLD = ("POLICE_A", "SHELTER_B")


@pytest.fixture
def state(tmp_path: Path) -> State:
    state = State(tmp_path)
    state.prepare()
    ensure_signing_keys(state, now=NOW)
    return state


@pytest.fixture
async def engine(fresh_database: Database) -> AsyncIterator[AsyncEngine]:
    """referral's own role, on a directory of two organisations with a feed and one without."""
    engine = open_engine(fresh_database.url("referral_work"), schema="referral", pool_size=3)
    kinds = zip(TOLD, ("police", "shelter"), strict=True)
    entries = [an_organisation(code, kind) for code, kind in kinds]
    desk = an_organisation("CSCOM_D", "health").model_copy(update={"channel": "desk"})
    async with engine.begin() as connection:
        await publish(connection, [*entries, desk], mint=a_mint())
    yield engine
    await engine.dispose()


async def announced(engine: AsyncEngine) -> list[tuple[UUID, str, list[PublicKey]]]:
    """(id, organisation, keys) of every announcement, oldest first."""
    query = text("""
        select id, organisation, convert_from(body, 'UTF8') from outbox
        where name = 'keys.published' and stream = 'OUT' order by position
    """)
    async with engine.connect() as connection:
        found = list(await connection.execute(query))
    return [
        (id, code, [PublicKey.model_validate(one) for one in json.loads(body)["keys"]])
        for id, code, body in found
    ]


async def sent(engine: AsyncEngine, ids: Sequence[UUID]) -> None:
    """As the relay marks what the stream has confirmed."""
    async with engine.begin() as connection:
        await connection.execute(
            text("update outbox set sent_at = now() where id = any(:ids)"), {"ids": list(ids)}
        )


async def test_a_new_key_signs_only_once_it_lies_in_every_feed(
    engine: AsyncEngine, state: State
) -> None:
    signing = SigningKey(PlatformKeys(state.secrets), "referral")
    old = signing.signer().key_id
    rotation = asyncio.create_task(rotate_signing_key(engine, state, "referral", now=NOW))
    while len(told := await announced(engine)) < len(TOLD):
        await asyncio.sleep(0.01)
    await sent(engine, [told[0][0]])
    await asyncio.sleep(0.3)
    assert (signing.signer().key_id, rotation.done()) == (old, False)
    await sent(engine, [told[1][0]])
    new = await rotation

    assert signing.signer().key_id == new.id
    assert [code for _, code, _ in told] == list(TOLD)
    assert all(new in keys for _, _, keys in told)
    (*_, (_, _, last)) = await announced(engine)
    assert tuple(last) == to_hand_over(state).keys
    assert [key.valid_until is not None for key in last if key.id == old] == [True]


async def test_a_feed_that_cannot_be_told_leaves_the_service_with_the_key_that_it_has(
    engine: AsyncEngine, state: State
) -> None:
    signing = SigningKey(PlatformKeys(state.secrets), "intake")
    old = signing.signer().key_id
    with pytest.raises(ServerError, match="have not reached every feed"):
        await rotate_signing_key(engine, state, "intake", now=NOW, patience=0.2)

    assert signing.signer().key_id == old
    key = platform_keys(state).get(old, use="signing")
    assert key is not None
    assert key.valid_until is None


async def test_where_nobody_listens_a_new_key_is_taken_up_at_once(
    fresh_database: Database, state: State
) -> None:
    engine = open_engine(fresh_database.url("referral_work"), schema="referral", pool_size=2)
    new = await rotate_signing_key(engine, state, "reporting", now=NOW, patience=0.2)
    assert await announce_keys(engine, state) == 0
    await engine.dispose()

    assert SigningKey(PlatformKeys(state.secrets), "reporting").signer().key_id == new.id


async def test_an_announcement_names_no_case_and_no_other_organisation(
    engine: AsyncEngine, state: State
) -> None:
    with pytest.raises(ServerError):
        await announce_keys(engine, state, patience=0.1)
    query = text("""
        select subject, organisation, case_id, causation_id, correlation_id, ground, trace,
               started_trace from outbox where name = 'keys.published' order by position
    """)
    async with engine.connect() as connection:
        rows = [tuple(row) for row in await connection.execute(query)]

    assert rows == [(code, code, *[None] * 6) for code in TOLD]


async def test_a_stolen_key_of_another_service_is_replaced_on_referrals_word(
    fresh_database: Database, state: State
) -> None:
    engine = open_engine(fresh_database.url("referral_work"), schema="referral", pool_size=2)
    since = NOW - timedelta(days=1)
    old = SigningKey(PlatformKeys(state.secrets), "intake").signer().key_id
    new = await rotate_signing_key(engine, state, "intake", now=NOW, suspect_from=since)
    await engine.dispose()

    stolen = platform_keys(state).get(old, use="signing")
    assert stolen is not None
    assert (stolen.suspect_from, stolen.valid_until) == (since, None)
    assert SigningKey(PlatformKeys(state.secrets), "intake").signer().key_id == new.id


async def test_a_new_key_of_a_month_is_told_to_everybody_once(
    engine: AsyncEngine, state: State
) -> None:
    months = monthly_keys(state)
    months.renew(NOW)
    first = await asyncio.gather(*(announce_new_months(engine, state) for _ in range(3)))
    assert sorted(first) == [0, 0, len(TOLD)], "however many ask at once"

    make_known(state, make_next("intake", now=NOW))
    assert await announce_new_months(engine, state) == 0, "its rotation tells of it"
    months.renew(NOW + timedelta(days=31))
    assert await announce_new_months(engine, state) == len(TOLD)
    assert await announce_new_months(engine, state) == 0
    told = await announced(engine)
    assert [code for _, code, _ in told] == [*TOLD, *TOLD]
    assert tuple(told[-1][2]) == to_hand_over(state).keys


async def test_a_month_that_was_told_by_hand_is_not_told_again_and_the_doctor_sees_both(
    engine: AsyncEngine, state: State, fresh_database: Database
) -> None:
    monthly_keys(state).renew(NOW)
    url = fresh_database.url("siraba_ops")
    before = await check_months(url, state, now=NOW)
    assert (before.holds, before.found[:29]) == (False, "not that of 2026-11, 2026-12:")
    with pytest.raises(ServerError, match="have not reached every feed"):
        await announce_keys(engine, state, patience=0.1)
    assert await announce_new_months(engine, state) == 0
    assert (await check_months(url, state, now=NOW)).holds


def siraba(state: State, *arguments: str) -> tuple[int, str]:
    """Exit code and words of the command."""
    call = ["keys", *arguments, "--state-dir", str(state.root)]
    result = CliRunner().invoke(app, call)
    return result.exit_code, " ".join(result.output.split())


def test_referrals_stolen_key_is_replaced_at_once_and_partners_are_to_be_told_in_person(
    tmp_path: Path,
) -> None:
    state, began = State(tmp_path), datetime.now(UTC) - timedelta(hours=1)
    state.prepare()
    ensure_signing_keys(state, now=began)
    old = SigningKey(PlatformKeys(state.secrets), "referral").signer().key_id
    since = f"{began:%Y-%m-%dT%H:%M}"
    code, said = siraba(state, "rotate", "referral", "--suspect-from", since)
    new = SigningKey(PlatformKeys(state.secrets), "referral").signer().key_id

    assert (code, new == old) == (0, False)
    assert said == (
        f"Hand the keys over in person: `siraba keys show`. referral signs with {new} from now on."
    )
    assert new in {key.id for key in Keyring.read(siraba(state, "show")[1]).keys}


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("rotate", "referal"), "service: must be one of intake, referral, reporting"),
        (("rotate", "intake"), "nothing runs on"),
        (("rotate", "intake", "--suspect-from", "2020-01-01T12:00"), "nothing runs on"),
        (("rotate", "referral", "--suspect-from", "2999-01-01T12:00"), "not be in the future"),
        (("announce",), "nothing runs on"),
    ],
)
def test_what_cannot_be_done_changes_no_key_and_says_why(
    state: State, arguments: tuple[str, ...], said: str
) -> None:
    before = platform_keys(state).write()
    code, words = siraba(state, *arguments)

    assert (code, said in words) == (1, True), words
    assert platform_keys(state).write() == before
