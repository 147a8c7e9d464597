import json
from collections.abc import AsyncIterator, Sequence
from datetime import UTC, datetime, time, timedelta
from typing import Any

import pytest

from chassis.assembly import Parts
from chassis.evidence import RootKeeper
from chassis.trust import PLATFORM_KEYS, SigningKey
from contracts.feed import EvidenceRooted
from contracts.reading import read_feed
from deploy.embedded.processes import ServerError
from deploy.evidence import all_roots, collect_evidence
from deploy.keys import PROVISIONER
from deploy.tracing import UnknownCase
from partners.verify import Report, check, read_export, read_keys, read_roots
from tests.builders import CANARY, coded_facts
from tests.chassis.outgoing import feed_of
from tests.intake.desks import Desk, open_desk
from tests.parts import Site, site, until

__all__ = ["site"]
pytestmark = pytest.mark.share("sealed")
NIGHT = datetime.combine(datetime.now(UTC).date() + timedelta(days=2), time(0, 0, 40), UTC)


@pytest.fixture
async def desk(site: Site) -> AsyncIterator[Desk]:
    async with open_desk(site) as opened:
        yield opened


async def a_case(desk: Desk) -> str:
    """The number of a case whose registration lies in its stream."""
    answer = await desk.post(coded_facts(dossier={"identity": {"full_name": CANARY}}))

    async def is_sent() -> bool:
        query = "select bool_and(sent_at is not null) from intake.outbox"
        return bool((await desk.site.rows(query))[0][0])

    await until(is_sent)
    return str(answer.json()["case_number"])


async def made_root(parts: Parts, at: datetime, *, witnesses: Sequence[str] = ()) -> None:
    keeper = RootKeeper(
        service=parts.service,
        engine=parts.work,
        signer=SigningKey(parts.keys, parts.service).signer,
        mint=parts.mint,
        message=EvidenceRooted.of,
        witnesses=witnesses,
    )
    assert await keeper.once(at) is not None


async def exported(site: Site, case: str, *, at: datetime) -> dict[str, Any]:
    return await collect_evidence(
        site.database.url("siraba_ops"),
        case,
        nats_url=site.server.url,
        seed=site.server.seed_file(PROVISIONER),
        now=at,
    )


async def judged(site: Site, document: dict[str, Any]) -> Report:
    """By the keys and roots that the platform told at the time."""
    roots = [one.written() for one in await all_roots(site.database.url("siraba_ops"))]
    return check(
        read_export(json.dumps(document).encode()),
        keys=read_keys((site.folder / PLATFORM_KEYS).read_bytes()),
        roots=read_roots(json.dumps({"roots": roots}).encode()),
    )


async def test_a_real_case_is_exported_and_found_whole_and_a_dropped_look_is_found(
    desk: Desk,
) -> None:
    site = desk.site
    numbers = [await a_case(desk) for _ in range(5)]
    for number in (*numbers, *numbers):
        await desk.get(f"/cases/{number}")
    async with site.parts("intake") as parts:
        await made_root(parts, NIGHT)
        document = await exported(site, numbers[2], at=NIGHT)
        report = await judged(site, document)
        assert report.findings == ()
        assert (report.messages, report.looks) == (1, 3)  # the export is a look too
        text = json.dumps(document)
        assert CANARY not in text
        assert all(number not in text for number in numbers)

        await desk.get(f"/cases/{numbers[2]}")
        await made_root(parts, NIGHT + timedelta(days=1))
        assert [one.where for one in (await judged(site, document)).findings] == [
            f"root intake {NIGHT.date()}"
        ]
        later = await exported(site, numbers[2], at=NIGHT + timedelta(days=1))
        assert (await judged(site, later)).looks == 5

    (chain,) = [rows for rows in later["audit"]["intake"].values() if rows]
    chain.pop()  # the export's own look came after the root, which does not hold it yet
    assert (await judged(site, later)).findings == ()
    chain.pop()
    assert (await judged(site, later)).findings != ()


async def test_a_witness_finds_the_days_root_in_its_feed_and_can_check_a_case_with_it(
    desk: Desk,
) -> None:
    site = desk.site
    number = await a_case(desk)
    async with site.parts("intake") as parts:
        await made_root(parts, NIGHT, witnesses=["SHELTER_B"])
        await parts.wake_relay()
        (told,) = await feed_of(site, "SHELTER_B", 1)
        document = await exported(site, number, at=NIGHT)

    _, event = read_feed(told.subject, dict(told.headers or {}), told.data, code="SHELTER_B")
    assert isinstance(event, EvidenceRooted)
    report = check(
        read_export(json.dumps(document).encode()),
        keys=read_keys((site.folder / PLATFORM_KEYS).read_bytes()),
        roots=read_roots(b'{"roots": [%b]}' % told.data),
    )
    assert report.findings == ()


async def test_a_message_that_a_database_owner_rewrites_is_found(desk: Desk) -> None:
    site = desk.site
    number = await a_case(desk)
    async with site.parts("intake") as parts:
        await site.run("update intake.sequences set head = sha256('another end')")
        await made_root(parts, NIGHT)
        report = await judged(site, await exported(site, number, at=NIGHT))

    assert report.findings[0] == ("INTAKE 1", "is not the message that the root has")


async def test_a_case_that_is_not_there_cannot_be_exported(desk: Desk) -> None:
    with pytest.raises(UnknownCase):
        await exported(desk.site, "ML-12-2026-000000-0", at=NIGHT)
    with pytest.raises(ServerError, match="no message"):
        await exported(desk.site, "6b3f6a2e-4d0a-4c52-9d84-6f6c5f0f6f11", at=NIGHT)
