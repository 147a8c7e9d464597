import asyncio
from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from random import Random
from statistics import quantiles
from time import monotonic

import httpx
import pytest

from contracts.feed import Offer
from partners.kit import Delivery
from tests.builders import CANARY
from tests.journeys.road import SERVICES, Road
from tests.ledger import Figure, Form
from tests.trust.campaign import campaign
from tests.trust.evidence import Asking, Evidence, body_of
from tests.trust.poison import SORTS, Letter, some_poison
from tests.trust.poisoner import Poisoner, judged, poisoner
from tests.trust.telling import say

pytestmark = [pytest.mark.connected, pytest.mark.share("fire")]
SEED = 20261211
CASES_PER_SECOND = 20
# What still travels when a window ends is not counted to the next.
SETTLING_SECONDS = 0.3
# While the poisoner connects and signs, which is no part of what it does to others.
GATHERING_SECONDS = 0.7


class Noted(list[Delivery]):
    """What a program has handled, and when."""

    def __init__(self) -> None:
        super().__init__()
        self.at: list[float] = []

    def append(self, one: Delivery) -> None:
        super().append(one)
        self.at.append(monotonic())


@dataclass(slots=True)
class Clock:
    """When each case was first posted, and when some partner had answered its first offer.

    windows: (began, ended, poisoned).
    """

    road: Road
    posted: dict[str, float] = field(default_factory=dict)
    windows: list[tuple[float, float, bool]] = field(default_factory=list)

    def start(self) -> None:
        self.road.http.event_hooks = {"request": [self._note]}
        for program in self.road.programs.values():
            program.handled = Noted()

    async def _note(self, request: httpx.Request) -> None:
        if key := request.headers.get("Idempotency-Key"):
            self.posted.setdefault(key, monotonic())

    async def window(
        self, hostile: Poisoner, letters: Sequence[tuple[str, Letter]], *, seconds: float
    ) -> None:
        """One more, over which these are spread; its poison is signed before it begins."""
        began = monotonic() + (GATHERING_SECONDS if letters else 0)
        ends = began + seconds
        await asyncio.gather(
            asyncio.sleep(ends - monotonic()), hostile.spread(letters, between=(began, ends))
        )
        self.windows.append((began, ends, bool(letters)))
        await asyncio.sleep(SETTLING_SECONDS)

    def seconds(self, evidence: Evidence) -> dict[bool, list[float]]:
        """From POST to partner, of the cases posted without (False) and with poison (True)."""
        answered = self._answered(evidence)
        taken: dict[bool, list[float]] = defaultdict(list)
        for key, _, case in evidence.cases:
            for began, ended, poisoned in self.windows:
                if case in answered and began <= self.posted[key] < ended:
                    taken[poisoned].append(answered[case] - self.posted[key])
        return taken

    def _answered(self, evidence: Evidence) -> dict[str, float]:
        case_of = {
            body_of(one)["referral_id"]: one.place
            for one in evidence.streams["REFERRAL"]
            if one.headers.get("ce-type") == "ml.siraba.referral.offered.v1"
        }
        first: dict[str, float] = {}
        for offer, at in self._offers():
            case = case_of[str(offer.referral_id)]
            first[case] = min(at, first.get(case, at))
        return first

    def _offers(self) -> Iterator[tuple[Offer, float]]:
        for program in self.road.programs.values():
            assert isinstance(program.handled, Noted)
            for one, at in zip(program.handled, program.handled.at, strict=True):
                if isinstance(one.message, Offer):
                    yield one.message, at


@pytest.mark.timeout(600)
async def test_poison_of_eleven_sorts_neither_blocks_nor_vanishes_nor_slows_the_good(
    form: Form, figure: Figure
) -> None:
    each, windows, seconds = form.pick(short=(40, 9, 2.0), long=(910, 18, 4.0))
    random = Random(SEED)
    async with campaign(seed=SEED) as fire, poisoner(fire.road, random) as hostile:
        poison = some_poison(each, codes=tuple(fire.road.keys), random=random)
        clock = Clock(fire.road)
        clock.start()
        async with fire.under_load(per_second=CASES_PER_SECOND, writers=8):
            await hostile.look_on(2)
            for nth in range(2 * windows):
                is_bad, left = nth % 4 in (1, 2), poison[len(hostile.sent) :]
                letters = hostile.spoilt(left[: -(-len(poison) // windows)] if is_bad else [])
                await clock.window(hostile, letters, seconds=seconds)
        evidence = await fire.evidence(within=120)
        found = await judged(fire.road, evidence, hostile.sent)
        kept = [
            row[0]
            for name in SERVICES
            for row in await Asking(fire.road, name)(f"select d::text from {name}.dead_letters d")
        ]

        assert not (await judged(fire.road, evidence, hostile.sent[1:])).is_clean, "it can tell"

    assert len(hostile.sent) == each * len(SORTS)
    say(found)
    taken = {bad: quantiles(times, n=20)[-1] for bad, times in clock.seconds(evidence).items()}
    say(
        f"seed {SEED}; {len(poison)} bad; p95 clean {taken[False]:.3f} s, poisoned {taken[True]:.3f} s"
    )
    assert not [text for text in kept if CANARY in text]
    assert all(found.count(kind) == 0 for kind in ("doubled", "unexpected", "disordered")), found
    figure("fire.poison.lost", found.count("lost"), seed=SEED)
    figure("fire.poison.p95_ratio", round(taken[True] / taken[False], 2), seed=SEED)
