import asyncio
import itertools
from collections.abc import Awaitable, Callable
from contextlib import AsyncExitStack
from dataclasses import dataclass, field, replace

import pytest

from contracts.topology import API_PREFIX, SERVICES
from deploy.keys import OPERATIONS, PROVISIONER
from tests.journeys.cases import some_cases
from tests.journeys.road import PARTNERS, Road, running_road
from tests.ledger import Figure
from tests.servers import NatsServer, partner_jetstream
from tests.trust.evidence import Asking
from tests.trust.telling import say
from tests.trust.trespasses import OVER_HTTP, TRESPASSES, Trace, of_services, over_http
from tests.trust.trespasses.visits import visit
from tests.trust.worlds import Intruder, World, asked, our_world

pytestmark = [pytest.mark.connected, pytest.mark.share("road")]
Start = Callable[..., NatsServer]
POLICE, PROSECUTOR, SOCIAL, SHELTER = PARTNERS
#: Four organisations of four kinds; in each round nobody is attacker and victim, or twice a victim.
ROUNDS = (
    ((POLICE, PROSECUTOR), (SOCIAL, SHELTER)),
    ((PROSECUTOR, SOCIAL), (SHELTER, POLICE)),
)
SECONDS_TO_LOG = 15
SEED = 20261128


@dataclass(slots=True)
class Report:
    """Attempts by who made them; `unseen`: those of which no operator would learn."""

    tried: int = 0
    succeeded: list[str] = field(default_factory=list)
    unseen: list[str] = field(default_factory=list)

    async def judge(self, who: str, what: str, attempt: Awaitable[bool]) -> None:
        self.tried += 1
        if await attempt:
            self.succeeded.append(f"{who} {what}")


@dataclass(slots=True)
class Watch:
    """The places where an operator sees what was tried."""

    road: Road
    #: A line without a name is the attempt's only while nobody else makes such an attempt.
    alone: asyncio.Lock = field(default_factory=asyncio.Lock)

    def log(self) -> str:
        return (self.road.platform.state.run / "nats.log").read_text()

    def refused(self) -> int:
        """Lines of our services about requests that they refused."""
        logs = (self.road.platform.state.run / f"{service}.log" for service in SERVICES)
        return sum(log.read_text().count('"web.refused"') for log in logs)

    async def buried(self, organisation: str) -> int:
        ((count,),) = await Asking(self.road, "referral")(
            f"select count(*) from referral.dead_letters where organisation = '{organisation}'"
        )
        return int(count)

    async def shows(self, trace: Trace, who: str, *, since: tuple[int, int]) -> bool:
        """Whether a line or a dead letter more is there than at the moment `since`."""
        try:
            async with asyncio.timeout(SECONDS_TO_LOG):
                while not await self._has_more(trace, who, since=since):
                    await asyncio.sleep(0.05)
        except TimeoutError:
            return False
        return True

    async def now(self, who: str) -> tuple[int, int]:
        return len(self.log()), await self.buried(who)

    async def _has_more(self, trace: Trace, who: str, *, since: tuple[int, int]) -> bool:
        lines, letters = since
        if trace.is_buried:
            return await self.buried(who) > letters
        name = f'"{who}/nkey' if trace.by_name else ""
        return any(trace.log in line and name in line for line in self.log()[lines:].splitlines())


@pytest.mark.timeout(300)
async def test_nobody_reaches_beyond_what_is_its_own_and_each_attempt_is_seen(
    figure: Figure,
) -> None:
    report = Report()
    async with running_road() as road:
        watch = Watch(road)
        for case in some_cases(20, owners=PARTNERS, seed=SEED + 1):
            await road.submit_until_accepted(replace(case, key=f"{case.key}-offered"))
        for pairs in ROUNDS:
            async with asyncio.TaskGroup() as group:
                for me, other in pairs:
                    group.create_task(_by_partner(watch, report, me=me, other=other))
        for service in SERVICES:
            await _by_service(watch, report, service)
        for me, other in itertools.chain(*ROUNDS):
            await _over_http(watch, report, me=me, other=other)
        assert await _owner_succeeds(road), "the same words pass where they may"
        assert all(report["ready"] for report in (await road.readiness()).values())
    say(f"{report.tried} attempts")
    assert not report.succeeded
    assert not report.unseen
    assert len(TRESPASSES) >= 40
    figure("partners.trespass.tried", report.tried)
    figure("partners.trespass.succeeded", len(report.succeeded))


async def _by_partner(watch: Watch, report: Report, *, me: str, other: str) -> None:
    async with our_world(watch.road, me=me, other=other) as world:
        for trespass, trace in TRESPASSES.items():
            if trace.by_name:
                await _tried(watch, report, world, trespass, trace)
            else:
                async with watch.alone:
                    await _tried(watch, report, world, trespass, trace)


async def _tried(
    watch: Watch, report: Report, world: World, trespass: Callable[..., Awaitable[bool]], trace: Trace
) -> None:  # fmt: skip
    since = await watch.now(world.me)
    await report.judge(world.me, trespass.__name__, trespass(world))
    if trace.is_seen and not await watch.shows(trace, world.me, since=since):
        report.unseen.append(f"{world.me} {trespass.__name__}")


async def _by_service(watch: Watch, report: Report, service: str) -> None:
    async with AsyncExitStack() as stack:
        insider = await of_services.as_service(stack, watch.road, service, victim=SHELTER)
        since, refusals = await watch.now(service), report.tried
        for subject in of_services.forbidden_to(service, SHELTER):
            await report.judge(service, subject, of_services.says(insider, subject))
        for subject in of_services.unheard_by(service):
            await report.judge(service, subject, of_services.hears(insider, subject))
        refusals = report.tried - refusals
        lines = watch.log()[since[0] :].splitlines()
        seen = sum(f'"siraba-{service}/nkey' in one and "Violation" in one for one in lines)
        if seen < refusals:
            report.unseen.append(f"{service}: {seen} lines for {refusals} attempts")
        for target in of_services.targets(insider):
            attempt = of_services.lets_an_answer_land(insider, target)
            await report.judge(service, f"lets an answer land on {target}", attempt)
        for call in of_services.CALLS:
            attempt = of_services.lets_an_answer_rule(insider, call)
            await report.judge(service, f"lets an answer call {call}", attempt)


async def _over_http(watch: Watch, report: Report, *, me: str, other: str) -> None:
    (case,) = some_cases(1, owners=(other,), seed=SEED)
    here = await visit(watch.road, me, other, case=replace(case, key=f"case-visited-by-{me}"))
    for attempt in OVER_HTTP:
        before = watch.refused()
        await report.judge(me, attempt.__name__, attempt(here))
        if watch.refused() == before:
            report.unseen.append(f"{me} {attempt.__name__}")


async def _owner_succeeds(road: Road) -> bool:
    """A request that nobody at all could make would be refused to everybody."""
    (case,) = some_cases(1, owners=(SHELTER,), seed=SEED)
    here = await visit(road, SHELTER, SHELTER, case=case)
    attempts = (
        over_http.looks_at_anothers_case,
        over_http.finds_anothers_case_among_its_own,
        over_http.decides_about_anothers_case,
        over_http.erases_anothers_case,
    )
    return all([await attempt(here) for attempt in attempts])


async def test_a_partner_reads_sends_and_acknowledges_what_is_its_own(nats_server: Start) -> None:
    """The other control: a server that refuses everything would pass as well."""
    server = nats_server("AA", "BB")
    async with server.user("referral") as services:
        await services.jetstream(timeout=5).publish("out.AA.referral.offered.v1", b"for AA")
    async with server.partner("AA") as client, server.user(OPERATIONS) as observer:
        feed = await partner_jetstream(client).pull_subscribe_bind(consumer="AA", stream="OUT")
        (message,) = await feed.fetch(1, timeout=2)
        assert message.data == b"for AA"
        await message.ack_sync(timeout=2)
        state = await asked(observer, f"{API_PREFIX}.CONSUMER.INFO.OUT.AA")
        assert state is not None
        assert state["ack_floor"]["consumer_seq"] == 1
        answer = await asked(client, "in.referral.accept.v1", {})
        assert answer is not None
        assert answer["stream"] == "IN_AA"


async def test_a_revoked_key_is_cut_off_and_nobody_else_notices(nats_server: Start) -> None:
    server = nats_server("AA", "BB")
    async with server.partner("AA") as revoked, server.partner("BB") as other:
        server.partners = [partner for partner in server.partners if partner.code != "AA"]
        server.write_config()
        server.server.reload()
        assert await asked(revoked, "in.referral.accept.v1", {}) is None
        assert await asked(other, "in.referral.accept.v1", {}) is not None
        assert other.stats["reconnects"] == 0


@pytest.mark.parametrize(
    ("user", "subject"),
    [
        (PROVISIONER, "$JS.API.STREAM.MSG.GET.INTAKE"),
        (PROVISIONER, "$JS.API.STREAM.DELETE.INTAKE"),
        (PROVISIONER, "$JS.API.STREAM.PURGE.OUT"),
        (PROVISIONER, "out.AA.referral.offered.v1"),
        (OPERATIONS, f"{API_PREFIX}.STREAM.MSG.GET.INTAKE"),
        (OPERATIONS, f"{API_PREFIX}.STREAM.UPDATE.OUT"),
        (OPERATIONS, "siraba.intake.case.registered.v1.0"),
    ],
)
async def test_who_declares_or_watches_does_no_more(
    nats_server: Start, user: str, subject: str
) -> None:
    async with nats_server("AA").user(user) as client:
        intruder = Intruder(client)
        client._error_cb = intruder.note
        await intruder.says(subject)
        await asyncio.sleep(0.05)
        assert any("permissions violation" in one for one in intruder.refusals)
