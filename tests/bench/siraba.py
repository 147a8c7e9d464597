"""Chain A: the platform as it ships, or a control that protects less, on a state of its own."""

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path

import asyncpg  # type: ignore[import-untyped]  # the package ships no types
import httpx
from sqlalchemy.engine import make_url

from deploy.jetstream import connected
from deploy.keys import OPERATIONS, seed_file
from deploy.migrate import DATABASE
from deploy.platform import Platform, running_platform
from deploy.service_process import ServiceProcess
from deploy.settings import PlatformSettings
from partners.kit import init
from tests.bench.cast import Member, write_directory
from tests.bench.chain import Chain, partner_programs
from tests.bench.program import Protection
from tests.controls.unsealed import Unprotected, Unsealed
from tests.servers import open_folder

CROSSING = """
    select number, referral_id from intake.cases join referral.referrals using (case_id)
    where registered_at >= $1
"""
PROCESSES: Mapping[Protection, type[ServiceProcess]] = {
    "sealed": ServiceProcess,
    "signed": Unsealed,
    "none": Unprotected,
}


@asynccontextmanager
async def running_siraba(
    cast: list[Member],
    *,
    name: str = "siraba",
    protection: Protection = "sealed",
    process: type[ServiceProcess] | None = None,
) -> AsyncIterator[Chain]:
    """The platform with these organisations and their programs.

    process: how a service is run, where it is not its protection that differs.
    """
    async with AsyncExitStack() as stack:
        folder = stack.enter_context(open_folder())
        keys = {one.code: init(folder / "partners" / one.code, code=one.code) for one in cast}
        platform = await stack.enter_async_context(
            running_platform(_settings(folder, cast), process=process or PROCESSES[protection])
        )
        receipts = folder / "receipts"
        programs = await stack.enter_async_context(
            partner_programs(
                platform.nats_url, folder / "partners", receipts, protection=protection, cast=cast
            )
        )
        operations = await stack.enter_async_context(
            connected(platform.nats_url, OPERATIONS, seed_file(platform.state, OPERATIONS))
        )
        chain = Chain(
            name=name,
            cast=cast,
            keys=keys,
            intake_url=platform.service_urls["intake"],
            operations=operations,
            admin_url=_admin_url(platform),
            receipts=receipts,
            trees=platform.pids() | {"partners": programs.pid},
            crossing=CROSSING,
        )
        await _known(chain)
        yield chain


def _settings(folder: Path, cast: list[Member]) -> PlatformSettings:
    """A state of its own there, with a directory of these organisations."""
    directory = folder / "directory.yaml"
    write_directory(cast, directory)
    return PlatformSettings(state_dir=folder, front_port=0, nats_port=0, directory_file=directory)


async def traces_kept(chain: Chain) -> int:
    """How many of them intake has spans of."""
    connection = await asyncpg.connect(chain.admin_url)
    try:
        kept = await connection.fetchval("select count(distinct trace_id) from intake.spans")
        return int(kept)
    finally:
        await connection.close()


def log_folder(chain: Chain) -> Path:
    """Where the services of this chain write what went wrong."""
    return chain.receipts.parent / "run"


def _admin_url(platform: Platform) -> str:
    assert platform.database is not None
    url = make_url(platform.database.url).set(drivername="postgresql", database=DATABASE)
    return url.render_as_string(hide_password=False)


async def _known(chain: Chain) -> None:
    """Wait until intake has heard of every organisation."""
    tokens = chain.tokens()
    async with asyncio.timeout(60), httpx.AsyncClient(base_url=chain.intake_url) as http:
        for token in tokens.values():
            headers = {"Authorization": f"Bearer {token}"}
            while (await http.get("/intake/cases", headers=headers)).status_code != httpx.codes.OK:
                await asyncio.sleep(0.1)
