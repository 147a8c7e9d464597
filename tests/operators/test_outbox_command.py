"""`siraba outbox` counts what has not come to its end, and sends it again without a second message."""

import asyncio
import json
from uuid import uuid4

import pytest
from sqlalchemy.engine import make_url
from typer.testing import CliRunner, Result

from chassis.assembly import Parts
from chassis.relay.upkeep import Upkeep
from deploy.commands.outbox import outbox
from deploy.migrate import OPERATIONS, WORK_ROLES
from deploy.state import State, write_secret
from tests.chassis.outgoing import SHELTER, STREAM, drain, ids, inside, queue, stored, told
from tests.parts import Site, site

__all__ = ["site"]
pytestmark = pytest.mark.share("operators")


def running_on(site: Site) -> State:
    """The state folder of a platform that would run on these servers."""
    state, url = site.server.state, make_url(site.database.superuser_url)
    for role in (*WORK_ROLES, OPERATIONS):
        password = make_url(site.database.url(role)).password
        write_secret(state.secrets / f"postgres-{role}.password", str(password))
    database = {"host": url.host, "port": url.port, "database": url.database}
    write_secret(state.status_file, json.dumps({"front_url": "http://x", "database": database}))
    return state


async def siraba_outbox(state: State, *words: str) -> Result:
    """As typed, in a thread of its own, since it has its own loop."""
    given = [*words, "--state-dir", str(state.root)]
    return await asyncio.to_thread(CliRunner().invoke, outbox, given)


async def counted(state: State) -> dict[str, list[str]]:
    """The table's rows: waiting, age, untaken and to take out, by stream."""
    shown = (await siraba_outbox(state, "list")).output
    lines = [line.split("│")[1:-1] for line in shown.splitlines() if "│" in line]
    return {line[1].strip(): [cell.strip() for cell in line[2:]] for line in lines}


async def due(parts: Parts) -> bool:
    """Whether a relay's upkeep finds rows to send again."""
    async with parts.work.connect() as connection:
        upkeep = Upkeep("referral", _confirm_at=0.0)
        return await upkeep.when_due(connection, parts.wire.jetstream)


async def test_what_is_sent_again_lies_in_the_stream_once(site: Site) -> None:
    state, case_id = running_on(site), uuid4()
    messages = [inside(case_id), inside(case_id), told(SHELTER, case_id)]
    assert "Nothing waits" in (await siraba_outbox(state, "list")).output
    async with site.parts("referral") as parts:
        await queue(parts, messages)
        before = await counted(state)
        assert [before[stream][0] for stream in ("OUT", STREAM)] == ["1", "2"]

        await drain(parts)
        assert (await counted(state))[STREAM] == ["0", "", "2", "0"]

        assert not await due(parts)
        again = await siraba_outbox(state, "resend", "referral", STREAM)
        assert "2 wait again" in again.output
        assert (await counted(state))[STREAM][0] == "2"
        # The relay that runs hears of it by itself, and sends as after a crash.
        assert await due(parts)
    async with site.parts("referral") as parts:
        assert await drain(parts) == 2
    assert ids(await stored(site)) == ids(messages[:2])
    assert (await counted(state))[STREAM] == ["0", "", "2", "0"]


async def test_a_service_sends_to_its_own_streams_alone(site: Site) -> None:
    refused = await siraba_outbox(running_on(site), "resend", "referral", "INTAKE")
    assert refused.exit_code == 1
    assert "stream: choose REFERRAL or OUT" in refused.output
