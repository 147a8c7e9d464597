"""Group commit: all submissions that wait share one statement and one fsync."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, field

from chassis.assembly import Parts
from chassis.database import by_itself, is_outage
from chassis.web import Throttle
from services.intake import domain
from services.intake.use_cases.registering import Answer, Keeping, Submitted, register_cases

AT_ONCE = 100
# Whoever sends many at once sends the next as soon as it is answered: a moment later all of these
# share a group too, where else the first few of them would have one for themselves.
MANY = 5
GATHER_SECONDS = 0.01

Result = Answer | domain.Refused
Waiting = tuple[Submitted, "asyncio.Future[Result]"]


@dataclass(slots=True)
class Registrar:
    """Takes what waits once the last group is committed, a moment later where that had many.
    Alone, a submission waits for none.

    Each answer is given after its own commit. What fails as a group is tried one by one, so that
    one submission's fault is its own.
    """

    parts: Parts
    keeping: Keeping
    throttle: Throttle
    _waiting: list[Waiting] = field(default_factory=list)
    _work: "asyncio.Task[None] | None" = None

    async def register(self, submitted: Submitted) -> Answer:
        """Raises `domain.Refused`, a Refusal where the organisation has had its share, or what the
        database raised.
        """
        self.throttle.admit(submitted.organisation)
        future: asyncio.Future[Result] = asyncio.get_running_loop().create_future()
        self._waiting.append((submitted, future))
        if self._work is None:
            self._work = asyncio.create_task(self._commit_all())
        result = await future
        if isinstance(result, domain.Refused):
            raise result
        return result

    async def _commit_all(self) -> None:
        try:
            while self._waiting:
                group = self._take()
                await self._settle(group)
                if len(group) >= MANY:
                    await asyncio.sleep(GATHER_SECONDS)
        finally:
            self._work = None

    def _take(self) -> list[Waiting]:
        """The oldest, each key once: a second use of a key in flight waits for the next group."""
        group: dict[tuple[str, str], Waiting] = {}
        later: list[Waiting] = []
        for waiting in self._waiting:
            key = (waiting[0].organisation, waiting[0].key)
            if key in group or len(group) == AT_ONCE:
                later.append(waiting)
            else:
                group[key] = waiting
        self._waiting = later
        return list(group.values())

    async def _settle(self, group: Sequence[Waiting]) -> None:
        try:
            results = await self._commit([submitted for submitted, _ in group])
        except Exception as error:  # noqa: BLE001 - handed to those who wait
            if len(group) > 1 and not is_outage(error):
                for one in group:
                    await self._settle([one])
                return
            for _, future in group:
                if not future.done():
                    future.set_exception(error)
            return
        for (_, future), result in zip(group, results, strict=True):
            if not future.done():
                future.set_result(result)

    async def _commit(self, submitted: Sequence[Submitted]) -> list[Result]:
        async with self.parts.work.connect() as connection, by_itself(connection):
            results = await register_cases(
                connection, submitted, mint=self.parts.mint, keeping=self.keeping
            )
        await self.parts.wake_relay()
        return results
