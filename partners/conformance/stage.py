"""What a check works with: messages to the program, and waiting for what it does about them."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from functools import partial
from typing import NamedTuple
from uuid import UUID

from contracts.feed import Offer
from contracts.requests import AcceptReferral
from partners.conformance.platform import Asked, Form, Platform, Told
from partners.conformance.program import Program

POLL_SECONDS = 0.05


class Failed(Exception):
    """The program did not do what the rule asks; says what was seen, for its developer."""


class Offered(NamedTuple):
    """An offer in the feed, and the referral by which its answers name it."""

    told: Told
    referral: UUID


@dataclass(frozen=True, slots=True)
class Stage:
    """patience: seconds within which an answer is due. quiet: seconds in which none must come."""

    platform: Platform
    program: Program
    patience: float
    quiet: float

    async def offer(self, form: Form | None = None) -> Offered:
        """Put an ordinary offer into the feed."""
        message = self.make_offer()
        return Offered(await self.platform.tell(message, form), message.referral_id)

    def make_offer(self) -> Offer:
        """An ordinary offer, of a referral of its own."""
        return Offer(
            referral_id=UUID(bytes=self.platform.edge.random(16), version=4),
            service="shelter",
            urgency="emergency_24h",
            region="01",
            sex="female",
            age_band="18-24",
            citizenship=("MLI",),
            exploitation=("domestic_work",),
            ground="consent",
        )

    async def accepted(self, *offers: Offered) -> None:
        """Wait until each is accepted and acknowledged, then see that none is accepted twice."""
        for offered in offers:
            found = partial(self._acceptances, offered.referral)
            await self.until(found, "the offer was not accepted")
        await self.taken(*(offered.told for offered in offers))
        await self.nothing_more(*offers)

    async def nothing_more(self, *offers: Offered) -> None:
        """Give what must not come its chance, then see that each is accepted once."""
        await asyncio.sleep(self.quiet)
        await self.platform.asked()
        self._blame()
        for offered in offers:
            if len(await self._acceptances(offered.referral)) > 1:
                raise Failed("an offer was accepted by more than one request")

    async def untouched(self, *offers: Offered) -> None:
        """Wait until an offer after them is accepted, and see that nothing was asked about these."""
        await self.accepted(await self.offer())
        asked = {one.referral for one in await self.platform.asked()}
        if any(offered.referral in asked for offered in offers):
            raise Failed("it was acted upon")

    async def taken(self, *told: Told) -> None:
        """Wait until the program has acknowledged or ended each of these."""
        open_ones = {one.sequence for one in told}

        async def are_ended() -> bool:
            return open_ones <= self.platform.door.ended

        await self.until(are_ended, "a message was neither acknowledged nor ended")

    async def until(self, found: Callable[[], Awaitable[object]], otherwise: str) -> None:
        """Ask again and again; raises `Failed` when time is up, or when the program has ended."""
        loop = asyncio.get_running_loop()
        end = loop.time() + self.patience
        while not await found():
            self._blame()
            if self.program.ended is not None:
                raise Failed(f"the program ended by itself (exit code {self.program.ended})")
            if loop.time() > end:
                raise Failed(f"{otherwise} within {self.patience:g} s")
            await asyncio.sleep(POLL_SECONDS)

    async def about(self, referral: UUID) -> list[Asked]:
        """The program's requests about this referral."""
        return [one for one in await self.platform.asked() if one.referral == referral]

    def _blame(self) -> None:
        if self.platform.malformed:
            first = self.platform.malformed[0]
            raise Failed(f"it sent a request that cannot be taken ({first})")

    async def _acceptances(self, referral: UUID) -> list[Asked]:
        return [
            one for one in await self.about(referral) if isinstance(one.request, AcceptReferral)
        ]
