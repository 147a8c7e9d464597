"""How many submissions share a commit when many come at once."""

import asyncio
from random import Random
from secrets import token_bytes
from uuid import uuid4

import pytest

from chassis.assembly import Parts
from chassis.web import Throttle
from contracts.intake import CodedCase
from services.intake.api import registrar as module
from services.intake.api.registrar import Registrar
from services.intake.use_cases.registering import Keeping, Submitted
from tests.builders import coded_facts
from tests.intake.vaults import a_vault
from tests.parts import Site

pytestmark = pytest.mark.share("road")
SEED, POSTERS, EACH = 20261130, 20, 4
COMMITS = "select count(distinct xmin::text) from intake.cases where owner = :owner"


async def commits(site: Site, parts: Parts, keeping: Keeping, *, owner: str) -> int:
    """Registers cases of one organisation, by twenty who send the next a moment after each answer."""
    registrar = Registrar(parts, keeping, Throttle(1000.0, 1000.0))
    facts, random = CodedCase.model_validate(coded_facts()), Random(SEED)

    async def post() -> None:
        for _ in range(EACH):
            await asyncio.sleep(random.uniform(0, 0.005))
            await registrar.register(
                Submitted(
                    organisation=owner,
                    key=str(uuid4()),
                    digest=token_bytes(32),
                    facts=facts,
                    dossier={},
                    trace=None,
                )
            )

    await asyncio.gather(*(post() for _ in range(POSTERS)))
    ((count,),) = await site.rows(COMMITS, owner=owner)
    return int(count)


async def test_who_sends_many_at_once_shares_commits_and_without_the_moment_needs_more(
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    keeping = Keeping(a_vault(site.folder), b"p" * 32)
    async with site.parts("intake") as parts:
        gathered = await commits(site, parts, keeping, owner="POLICE_A")
        monkeypatch.setattr(module, "GATHER_SECONDS", 0.0)
        alone = await commits(site, parts, keeping, owner="SHELTER_B")
    assert EACH <= gathered < alone, f"seed {SEED}: {gathered} commits, else {alone}"
