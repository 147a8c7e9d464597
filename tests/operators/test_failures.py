"""Failures at every layer, forced: each must be seen in its measure, its alert and its log within a minute."""

import asyncio
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from random import Random
from time import monotonic

import asyncpg  # type: ignore[import-untyped]  # the package ships no types
import pytest

from contracts.topology import READINGS
from tests.builders import CANARY
from tests.journeys.road import SERVICES, Road, running_road
from tests.ledger import Figure, Form
from tests.operators.runbook import RUNBOOK, Place, asked, read_runbook
from tests.operators.watch import Named, View, Watch, named, watching
from tests.trust.faults import need
from tests.trust.faults.frozen import Frozen, with_children
from tests.trust.poison import SORTS, Known, Letter, good_letter
from tests.trust.poisoner import Poisoner, poisoner
from tests.trust.telling import say

pytestmark = [pytest.mark.connected, pytest.mark.share("operators"), pytest.mark.timeout(1500)]
SEED = 20261129
PARTNER = "SHELTER_BENKADI_KAYES"
#: From the failure until it is seen.
SECONDS = 60
#: What dies at once, with the reason; how each is spoilt is told where poison is made.
AT_ONCE = ("not JSON", "not UTF-8", "wrong schema", "unknown code", "unknown type",
           "wrong subject", "missing attribute")  # fmt: skip
STREAMS = ("INTAKE", "REFERRAL", "INBOX")
LAYERS = (*SERVICES, "nats", "postgres")
#: Who reads what dies. Of INBOX these are requests about a referral.
READERS = {
    stream: [r.service for r in READINGS if r.stream == stream and not r.filter_subjects]
    for stream in STREAMS
}


@dataclass(frozen=True, slots=True)
class Failure:
    """One that was forced: how far what is named must have moved, `alert` must be there."""

    measure: Named
    alert: Named
    log: Named


def dead(stream: str, reason: str) -> list[Failure]:
    """A message that each of its readers must bury."""
    return [
        Failure(
            named("siraba_dead_letters", service=service, consumer=consumer, reason=reason),
            named(
                "SirabaDeadRequest" if stream == "INBOX" else "SirabaDeadLetter",
                service=service, consumer=consumer,
            ),
            named("inbox.dead_letter", consumer=consumer, reason=reason),
        )
        for service in READERS[stream]
        for consumer in [f"{service}-{stream}"]
    ]  # fmt: skip


def away(source: str) -> Failure:
    """Something that does not answer."""
    return Failure(
        named("siraba_source_up", source=source),
        named("SirabaSourceAway", source=source),
        named("measures.unknown", reason=source),
    )


def unseen(forced: Sequence[Sequence[Failure]], before: View, now: View) -> int:
    """Of failures, each seen at one or more places, how many do not show everywhere."""
    moved: Counter[Named] = Counter()
    blind = 0
    for places in forced:
        shows = True
        for one in places:
            moved[one.measure] += 1
            shows = shows and _shows(one, moved[one.measure], before, now)
        blind += not shows
    return blind


def _shows(one: Failure, nth: int, before: View, now: View) -> bool:
    gone = one.measure[0] == "siraba_source_up"
    number = now.numbers.get(one.measure, 1.0 if gone else 0.0)
    is_measured = number == 0 if gone else number >= before.numbers.get(one.measure, 0) + nth
    is_logged = now.logged[one.log] >= before.logged[one.log] + (1 if gone else nth)
    return is_measured and is_logged and one.alert in now.alerts


@dataclass(slots=True)
class Forcing:
    """A platform, who spoils it, and who watches; what was tried, what was missed."""

    road: Road
    hostile: Poisoner
    watch: Watch
    tried: int = 0
    missed: int = 0
    #: What would be missed by who never looks again.
    missed_by_the_blind: int = 0
    #: Pages of the runbook that do not name why something is dead.
    unexplained: int = 0

    async def letters(self, kinds: Sequence[tuple[str, str]], random: Random) -> None:
        """Bad messages, all at once. kinds: (sort, stream)."""
        before = self.watch.look()
        sent = [_letter(sort, stream, random) for sort, stream in kinds]
        began = monotonic()
        await self.hostile.spread(sent, between=(began, began + 0.5))
        forced = [dead(stream, end) for (_, stream), (end, _) in zip(kinds, sent, strict=True)]
        await self._judge(forced, before)
        await self._look_up(forced)
        await discard(self.road)
        quiet = await self.until(lambda view: not _of_letters(view))
        assert not _of_letters(quiet), "what is settled must wake nobody"

    async def freeze(self, name: str) -> None:
        """It stands still, until that is seen."""
        before = self.watch.look()
        pid = self.road.platform.pids()[name]
        with Frozen(*with_children(pid)):
            await self._judge([[away(name)]], before)
        back = await self.until(all_answer)
        assert all_answer(back), f"{name} has not come back"

    async def _judge(self, forced: Sequence[Sequence[Failure]], before: View) -> None:
        now = await self.until(lambda view: unseen(forced, before, view) == 0)
        self.tried += len(forced)
        for one in [p for places in forced for p in places if unseen([[p]], before, now)]:
            say((one, now.numbers.get(one.measure), one.alert in now.alerts, now.logged[one.log]))
        self.missed += unseen(forced, before, now)
        self.missed_by_the_blind += unseen(forced, before, before)

    async def _look_up(self, forced: Sequence[Sequence[Failure]]) -> None:
        """In the runbook, one alert of each name: its page must lead to every reason."""
        runbook = read_runbook(RUNBOOK.read_text("utf-8"))
        place = Place(self.road.platform.state.root, self.watch.told, runbook.beginning)
        places = [place for places in forced for place in places]
        alerts = {one.alert[0]: one.alert for one in places}
        for name, alert in alerts.items():
            labels = dict(alert[1])
            told = await asyncio.to_thread(asked, runbook, name, labels, place)
            shown = {sign for signs in runbook.pages[name].shown_by(told, labels) for sign in signs}
            reasons = {dict(one.measure[1])["reason"] for one in places if one.alert == alert}
            self.unexplained += not reasons <= shown

    async def until(self, true: Callable[[View], bool], *, within: float = SECONDS) -> View:
        """The first look at which it is so, or the last within the time."""
        ends = monotonic() + within
        while not true(view := await asyncio.to_thread(self.watch.look)) and monotonic() < ends:
            await asyncio.sleep(0.5)
        return view


def _of_letters(view: View) -> list[Named]:
    return [one for one in view.alerts if one[0] in ("SirabaDeadLetter", "SirabaDeadRequest")]


def is_quiet(view: View) -> bool:
    """Every source is up, and nobody is told of anything."""
    return all_answer(view) and not view.alerts


def all_answer(view: View) -> bool:
    """Every source is up, and nothing but letters is told of."""
    up = [value for (name, _), value in view.numbers.items() if name == "siraba_source_up"]
    quiet = not [one for one in view.alerts if one[0] in ("SirabaSourceAway", "SirabaUnmeasured")]
    return quiet and len(up) == len(LAYERS) + 1 and all(up)


def _letter(sort: str, stream: str, random: Random) -> tuple[str, Letter]:
    """(reason of its death, the letter)."""
    (how,) = SORTS[sort]
    sender = PARTNER if stream == "INBOX" else "POLICE_KAYES"
    return how.end, how.spoil(good_letter(stream, sender, random), Known(str, str))


async def discard(road: Road) -> None:
    """Every open dead letter, as `siraba dlq discard` does of one."""
    for service in SERVICES:
        url = road.platform.database_url(f"{service}_work").replace("+asyncpg", "")
        connection = await asyncpg.connect(url)
        try:
            await connection.execute(
                f"update {service}.dead_letters set state = 'discarded' where state = 'open'"
            )
        finally:
            await connection.close()


def _rounds(count: int, random: Random) -> Iterator[list[tuple[str, str]]]:
    """Letters of every sort on every stream, in rounds, until there are so many."""
    kinds = [(sort, stream) for sort in AT_ONCE for stream in STREAMS]
    while count > 0:
        yield random.sample(kinds, k=min(count, len(kinds)))
        count -= len(kinds)


async def test_every_failure_is_seen_where_an_operator_looks(
    tmp_path: Path, form: Form, figure: Figure
) -> None:
    need("prometheus")
    random = Random(SEED)
    frozen = list(LAYERS) * 4 if form.is_long else ["nats"]
    letters = form.pick(short=19, long=200 - len(frozen))
    say(f"seed {SEED}: {letters} letters, frozen {frozen}")
    async with running_road(("POLICE_KAYES", PARTNER)) as road, poisoner(road, random) as hostile:
        with watching(road.platform, tmp_path / "watch") as watch:
            forcing = Forcing(road, hostile, watch)
            ready = await forcing.until(all_answer)
            assert all_answer(ready)
            for kinds in _rounds(letters, random):
                await forcing.letters(kinds, random)
            for name in frozen:
                await forcing.freeze(name)
            canaries = watch.canaries(CANARY)
    assert forcing.tried == letters + len(frozen)
    figure("operators.runbook.missed", forcing.unexplained, seed=SEED)
    figure(
        "operators.failures.unseen", forcing.missed, control=forcing.missed_by_the_blind, seed=SEED
    )
    figure("operators.failures.canaries", canaries, seed=SEED)
    assert forcing.missed_by_the_blind == forcing.tried
