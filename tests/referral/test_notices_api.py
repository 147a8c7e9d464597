"""People who are told that something waits: what they see, what they say, and what the operator sees."""

import asyncio
import json
from functools import partial
from pathlib import Path
from uuid import uuid4

import pytest
from typer.testing import CliRunner

from chassis.notify import SPOOL
from deploy.cli import app
from deploy.state import State, write_secret
from tests.builders import an_organisation
from tests.parts import Site, site, until
from tests.referral.callers import bearer, calling
from tests.referral.days import a_post
from tests.referral.offices import open_office
from tests.servers import PostgresServer

__all__ = ["site"]
pytestmark = [pytest.mark.connected, pytest.mark.share("lifecycle")]
DIRECTORY = (
    an_organisation("POLICE_A", "police", "immediate_safety"),
    an_organisation("SHELTER_B", "shelter", "shelter"),
)
PHONE = "+22370000000"
# Made when they are asked for: a token is good for five minutes.
OFFICER = partial(bearer, "POLICE_A", "officer")
OTHER = partial(bearer, "SHELTER_B", "officer")


async def something_waits(site: Site) -> None:
    """For the owner of a case that nobody can take."""
    await site.run(
        "update referral.organisations set entry = jsonb_set(entry, '{units,0,contacts}',"
        " cast(:contacts as jsonb)) where code = 'POLICE_A'",
        contacts=json.dumps([a_post("unit", PHONE)]),
    )
    async with open_office(site.database, seed=3) as office:
        await office.offer({"age_band": "25-34", "needs": ["legal_aid"]})


async def test_who_is_told_sees_whom_it_waits_for_and_looks_after_it(site: Site) -> None:
    async with calling(site, *DIRECTORY) as client:
        await something_waits(site)

        async def is_sent() -> bool:
            query = "select count(*) from referral.outbox where name = 'notice.sent'"
            return await site.rows(f"{query} and sent_at is not null") == [(1,)]

        await until(is_sent)
        (line,) = (await client.get("/referral/notices", headers=OFFICER())).json()["notices"]
        at = f"/referral/notices/{line['notice_id']}/acknowledgement"
        listed = await client.get("/referral/notices", headers=OTHER())
        answers = [
            await client.post(at, headers=OTHER()),
            await client.post(f"/referral/notices/{uuid4()}/acknowledgement", headers=OFFICER()),
            await client.post(at, headers=bearer("POLICE_A", "system")),
            await client.post(at, headers=OFFICER()),
            await client.post(at, headers=OFFICER()),
        ]
        (after,) = (await client.get("/referral/notices", headers=OFFICER())).json()["notices"]

    assert line["rung"] == "unit"
    assert (line["waits_for"], line["state"], line["age_minutes"]) == ("POLICE_A", "sent", 0)
    assert listed.json() == {"notices": []}
    assert [one.status_code for one in answers] == [404, 404, 403, 204, 404]
    assert (line["acknowledged_at"], after["acknowledged_at"] is None) == (None, False)
    looks = await site.rows("select organisation, action, shown from referral.audit order by at")
    assert looks == [
        ("POLICE_A", "notices", 1),
        ("SHELTER_B", "notices", 0),
        ("POLICE_A", "notices.acknowledge", 1),
        ("POLICE_A", "notices", 1),
    ]
    (kept,) = (site.folder / SPOOL).glob("*.json")
    assert json.loads(kept.read_text("utf-8"))["address"] == PHONE


async def test_the_operator_sees_what_waits_who_was_told_and_what_is_kept(
    site: Site, postgres_server: PostgresServer, tmp_path: Path
) -> None:
    async with calling(site, *DIRECTORY):
        await something_waits(site)

        async def is_kept() -> bool:
            return any((site.folder / SPOOL).glob("*.json"))

        await until(is_kept)
    state = State(tmp_path / "state")
    state.prepare()
    (site.folder / SPOOL).rename(state.secrets / SPOOL)
    write_secret(state.secrets / "postgres-siraba_ops.password", "password-of-siraba_ops")
    admin = postgres_server.server
    write_secret(
        state.status_file,
        json.dumps(
            {
                "front_url": "http://127.0.0.1",
                "database": {
                    "host": "127.0.0.1",
                    "port": admin.port,
                    "database": site.database.name,
                },
            }
        ),
    )
    call = ["notices", "--state-dir", str(state.root)]
    result = await asyncio.to_thread(CliRunner().invoke, app, call, env={"COLUMNS": "160"})

    assert result.exit_code == 0, result.output
    for word in ("legal_aid", "no_candidate", "POLICE_A", "unit", PHONE, "une demande vous attend"):
        assert word in result.output
