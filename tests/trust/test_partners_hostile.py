import asyncio
import subprocess
import sys
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from statistics import median
from time import monotonic

import httpx
import pytest

from contracts.feed import Accepted, Offer
from partners.kit import Keys, init
from partners.kit.database import connect
from partners.kit.ledger import FILE
from tests.journeys.road import PARTNERS, Road
from tests.ledger import Figure, Form
from tests.servers import open_folder
from tests.trust.campaign import Campaign, campaign
from tests.trust.evidence import Asking, Evidence, body_of
from tests.trust.questions import audit
from tests.trust.streams import Stored
from tests.trust.telling import say
from tests.trust.test_fire_poison import Noted

pytestmark = [pytest.mark.connected, pytest.mark.share("partners")]
SEED = 20261130
HOSTILE = ("GEND_KITA", "OSC_BKO_CV")
CASES_PER_SECOND = 12
QUIET_SECONDS = 3
AFTER_SECONDS = 8


@dataclass(slots=True)
class Clock:
    """When each case was posted, each offer and each acceptance handled, by monotonic time."""

    posted: dict[str, float] = field(default_factory=dict)

    def start(self, road: Road) -> None:
        road.http.event_hooks = {"request": [self._note]}
        for program in road.programs.values():
            program.handled = Noted()

    async def _note(self, request: httpx.Request) -> None:
        if key := request.headers.get("Idempotency-Key"):
            self.posted.setdefault(key, monotonic())

    def legs(self, road: Road, evidence: Evidence) -> Iterator[tuple[float, float]]:
        """(began, seconds) from a POST to each first offer, and from each offer to its acceptance."""
        keys = {case: key for key, _, case in evidence.cases}
        first = {
            body_of(one)["referral_id"]: self.posted[keys[one.place]]
            for one in evidence.streams["REFERRAL"]
            if one.name == "referral.offered" and body_of(one)["rank"] == 1
        }
        for program in road.programs.values():
            assert isinstance(program.handled, Noted)
            offered: dict[str, float] = {}
            for one, at in zip(program.handled, program.handled.at, strict=True):
                if isinstance(one.message, Offer):
                    referral = str(one.message.referral_id)
                    offered[referral] = at
                    if referral in first:
                        yield first[referral], at - first[referral]
                elif isinstance(one.message, Accepted):
                    began = offered.get(str(one.message.referral_id))
                    if began is not None:
                        yield began, at - began


@pytest.mark.timeout(1200)
async def test_two_hostile_partners_at_full_speed_delay_nobody_else_and_cost_nothing(
    form: Form, figure: Figure
) -> None:
    seconds, clock = form.pick(short=8, long=150), Clock()
    with open_folder() as folder:
        stolen = {code: init(folder / "partners" / code, code=code) for code in HOSTILE}
        async with campaign(seed=SEED, folder=folder) as fire:
            clock.start(fire.road)
            async with fire.under_load(per_second=CASES_PER_SECOND, writers=8):
                await asyncio.sleep(QUIET_SECONDS)
                began = monotonic()
                async with hostile_partners(fire.road):
                    await asyncio.sleep(seconds)
                # What they left behind is still in front of whoever comes after them.
                await asyncio.sleep(AFTER_SECONDS)
            ended = monotonic()
            evidence = await _evidence(fire, stolen)
            assert all(report["ready"] for report in (await fire.road.readiness()).values())
            dead = await _dead(fire.road)
            legs = list(clock.legs(fire.road, evidence))

    found = audit(evidence)
    quiet = [taken for at, taken in legs if at < began]
    loud = [taken for at, taken in legs if began <= at <= ended]
    say(f"{dead} dead letters of the hostile; {len(loud)} legs in {ended - began:.0f} s")
    say(f"quiet: median {median(quiet):.2f} s, longest {max(quiet):.2f} s")
    say(f"loud: median {median(loud):.2f} s, longest {max(loud):.2f} s")
    assert dead > 100, "the hostile were heard"
    assert all(found.count(kind) == 0 for kind in ("doubled", "disordered")), found
    figure("partners.hostile.lost", found.count("lost"), seed=SEED)
    figure("partners.hostile.delay_s_max", round(max(loud), 2), seed=SEED)


@asynccontextmanager
async def hostile_partners(road: Road) -> AsyncIterator[None]:
    """Programs of their own, told of others' requests, for as long as the block runs."""
    where = (road.platform.nats_url, road.platform.front_url, str(SEED))
    programs = [_started(road, code, where) for code in HOSTILE]
    telling = asyncio.create_task(_tell(road, programs))
    try:
        yield
        assert all(program.poll() is None for program in programs), "they kept at it"
    finally:
        telling.cancel()
        await asyncio.gather(telling, return_exceptions=True)
        for program in programs:
            program.kill()
            program.communicate()


def _started(road: Road, code: str, where: Sequence[str]) -> subprocess.Popen[bytes]:
    command = [sys.executable, "-m", "tests.trust.hostile", str(road.folder(code)), *where]
    return subprocess.Popen([*command, *PARTNERS], stdin=subprocess.PIPE)


async def _tell(road: Road, programs: list[subprocess.Popen[bytes]]) -> None:
    """Ids of requests as they are made: a leak that no hostile partner would have."""
    known: set[str] = set()
    while True:
        for code in road.programs:
            ledger = connect(road.folder(code) / FILE)
            found = {row["id"] for row in ledger.execute("select id from request")} - known
            ledger.close()
            known |= found
            for program in programs:
                assert program.stdin is not None
                program.stdin.write("".join(f"{one}\n" for one in found).encode())
                program.stdin.flush()
        await asyncio.sleep(0.2)


async def _evidence(fire: Campaign, stolen: dict[str, Keys]) -> Evidence:
    """Of the honest alone: what the hostile sent is nobody's loss."""
    honest, fire.road.keys = fire.road.keys, {**fire.road.keys, **stolen}
    evidence = await fire.evidence(within=200)
    fire.road.keys = honest
    told = {one.id for one in evidence.streams["OUT"] if _of(one) in stolen}
    evidence.outbox["OUT"] = [one for one in evidence.outbox["OUT"] if one not in told]
    for name in ("INBOX", "OUT"):
        evidence.streams[name] = [one for one in evidence.streams[name] if _of(one) not in stolen]
    evidence.fed, evidence.holding = evidence.fed - stolen.keys(), frozenset(honest)
    return evidence


def _of(one: Stored) -> str:
    return one.subject.split(".")[1]


async def _dead(road: Road) -> int:
    codes = ", ".join(f"'{code}'" for code in HOSTILE)
    ((count,),) = await Asking(road, "referral")(
        f"select count(*) from referral.dead_letters where organisation in ({codes})"
    )
    return int(count)
