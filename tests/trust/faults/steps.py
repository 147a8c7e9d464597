"""Faults at each await: wraps what a relay or consumer is given, so that one of its steps strikes.

Nothing in the product knows of this: relays and consumers get their engine, connection, client and
messages by argument, and a test hands them these wrappers instead.
"""

import inspect
from collections.abc import Awaitable, Callable
from types import TracebackType
from typing import Any

from nats.aio.client import Client
from nats.js import JetStreamContext
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from chassis.broker import Wire

_WRAPPED = (AsyncEngine, AsyncConnection, Client, JetStreamContext, Wire)


class Crash(BaseException):
    """The process ends here: nothing of it may handle this, as nothing handles SIGKILL."""


async def crash() -> None:
    """What happens at the chosen step, unless a test wants something else."""
    raise Crash


async def outage() -> None:
    """The server at the other end is gone."""
    raise ConnectionError("injected")


class Steps:
    """Counts awaits, one before and one after each; strikes at the chosen one (0: never)."""

    def __init__(self, at: int = 0, strike: Callable[[], Awaitable[None]] = crash) -> None:
        self.passed: list[str] = []
        self.struck = False
        self.calls: list[tuple[str, tuple[Any, ...], dict[str, Any]]] = []
        self._at = at
        self._strike = strike

    async def pass_by(self, name: str) -> None:
        """One step. After a crash there is no other: what ran side by side ends with it."""
        self.passed.append(name)
        if len(self.passed) == self._at:
            self.struck = True
            await self._strike()
        if self.struck and self._strike is crash:
            raise Crash

    async def around(self, name: str, work: Awaitable[Any]) -> Any:
        """Two steps with the work between them."""
        try:
            await self.pass_by(f"before {name}")
        except BaseException:
            if inspect.iscoroutine(work):
                work.close()
            raise
        result = await work
        await self.pass_by(f"after {name}")
        return wrapped(result, self)


def wrapped(target: Any, steps: Steps) -> Any:
    """The target with a step at each of its awaits; values that have none come back as they are."""
    return _Stepping(target, steps) if isinstance(target, _WRAPPED) else target


def stepping(target: Any, steps: Steps) -> Any:
    """Any object with a step at each await of its methods."""
    return _Stepping(target, steps)


class _Stepping:
    def __init__(self, target: Any, steps: Steps) -> None:
        self._target = target
        self._steps = steps

    def __getattr__(self, name: str) -> Any:
        found = getattr(self._target, name)
        if not inspect.isroutine(found):
            return wrapped(found, self._steps)

        def call(*arguments: Any, **named: Any) -> Any:
            self._steps.calls.append((name, arguments, named))
            result = found(*arguments, **named)
            if hasattr(result, "__aenter__"):
                return _Block(name, result, self._steps)
            return self._steps.around(name, result) if inspect.isawaitable(result) else result

        return call


class _Block:
    """An `async with`: steps on the way in and on the way out."""

    def __init__(self, name: str, block: Any, steps: Steps) -> None:
        self._name = name
        self._block = block
        self._steps = steps

    async def __aenter__(self) -> Any:
        await self._steps.pass_by(f"before entering {self._name}")
        value = await self._block.__aenter__()
        try:
            await self._steps.pass_by(f"after entering {self._name}")
        except BaseException as error:
            await self._block.__aexit__(type(error), error, None)
            raise
        return wrapped(value, self._steps)

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if error is None:
            try:
                await self._steps.pass_by(f"before leaving {self._name}")
            except BaseException as struck:
                await self._block.__aexit__(type(struck), struck, None)
                raise
        await self._block.__aexit__(kind, error, trace)
        if error is None:
            await self._steps.pass_by(f"after leaving {self._name}")
