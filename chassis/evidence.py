"""Once a day, one signed root over the heads of all chains, told to those who volunteer as witnesses.

The root of a day is made as soon as the day is over, over whatever is committed then. It is made
once: a restart, and a second process of the same service, find it there. A day that a service
slept through has none; the next one covers it.
"""

import asyncio
import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from typing import Any

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from chassis import outbox
from chassis.database import is_outage
from chassis.outbox import Outgoing
from chassis.telemetry.logs import fault
from contracts.event import Message
from contracts.identifiers import Mint
from contracts.roots import AUDIT, Leaf, Root, in_order, root_over
from contracts.signing import Signer
from contracts.topology import OUT

LOOK_SECONDS = 60.0
#: Makes the event that tells of a root and its signature.
Tell = Callable[[Root, str], Message]

_ALONE = text("select pg_advisory_xact_lock(hashtextextended('siraba.roots.' || :service, 0))")
_IS_MADE = text("select exists (select from roots where day = :day)")
# On its first day a service has no day behind it.
_WAS_THERE = text("""
    select coalesce((select created_at < :end from outbox order by position limit 1), false)
        or exists (select from audit where at < :end limit 1)
""")
# The newest row of each chain of the audit, found by its key and not by reading the table.
_HEADS = text("""
    with recursive chains (chain) as (
        (select chain from audit order by chain limit 1)
        union all
        select (select audit.chain from audit where audit.chain > chains.chain
                order by audit.chain limit 1)
        from chains where chains.chain is not null
    )
    select stream, key, last, head from sequences where head is not null
    union all
    select :audit, chain, newest.number, newest.digest from chains cross join lateral (
        select number, digest from audit where audit.chain = chains.chain
        order by number desc limit 1
    ) as newest
""")
_KEEP = text("""
    insert into roots (day, made_at, size, root, signature)
    values (:day, :made_at, :size, :root, :signature)
""")
_FORGET_LEAVES = text("delete from leaves")
_KEEP_LEAVES = text("""
    insert into leaves (place, stream, key, last, head)
    select nth - 1, stream, key, last, head
    from unnest(cast(:streams as text[]), cast(:keys as text[]), cast(:lasts as bigint[]),
                cast(:heads as bytea[])) with ordinality as given(stream, key, last, head, nth)
""")
log = logging.getLogger("siraba.evidence")


@dataclass(frozen=True, slots=True, kw_only=True)
class RootKeeper:
    """Makes a service's roots; its app starts `run` as a job.

    signer: with the service's own key of now. message: the event that tells of a root and its signature,
    which the service knows and the chassis does not. witnesses: whose feeds get it.
    """

    service: str
    engine: AsyncEngine
    signer: Callable[[], Signer]
    mint: Mint
    message: Tell
    witnesses: Sequence[str] = ()

    async def run(self) -> None:
        """Look every minute whether a day has ended; until cancelled."""
        while True:
            try:
                await self.once(self.mint.moment())
            except Exception as error:  # noqa: BLE001 - the table still says what is missing
                if not is_outage(error):
                    log.warning("evidence.root_failed", extra=fault(error))
            await asyncio.sleep(LOOK_SECONDS)

    async def once(self, now: datetime) -> Root | None:
        """The root of the day before `now`, told to the witnesses; None when it is there already.

        None also when there was nothing yet on that day.
        """
        day = now.astimezone(UTC).date() - timedelta(days=1)
        async with self.engine.begin() as connection:
            await connection.execute(_ALONE, {"service": self.service})
            if not await _is_due(connection, day):
                return None
            leaves = await heads(connection)
            if not leaves:
                return None
            root = await asyncio.to_thread(
                root_over, leaves, service=self.service, day=day, made_at=now
            )
            signature = self.signer().sign(root.payload, kind="root")
            await _keep(connection, root, signature)
            await _keep_leaves(connection, leaves)
            await outbox.add(connection, self._told(root, signature))
        log.info("evidence.rooted", extra={"count": root.size})
        return root

    def _told(self, root: Root, signature: str) -> list[Outgoing]:
        message = self.message(root, signature)
        return [
            Outgoing(
                id=self.mint.message_id(),
                stream=OUT.name,
                message=message,
                subject=self.service,
                organisation=code,
            )
            for code in self.witnesses
        ]


async def heads(connection: AsyncConnection) -> list[Leaf]:
    """Where every chain stands, in the order of the tree; one statement, so one moment."""
    found = await connection.execute(_HEADS, {"audit": AUDIT})
    return in_order(Leaf(row.stream, row.key, row.last, bytes(row.head)) for row in found)


async def _is_due(connection: AsyncConnection, day: date) -> bool:
    if await connection.scalar(_IS_MADE, {"day": day}):
        return False
    end = datetime.combine(day + timedelta(days=1), time.min, UTC)
    return bool(await connection.scalar(_WAS_THERE, {"end": end}))


async def _keep(connection: AsyncConnection, root: Root, signature: str) -> None:
    said: dict[str, Any] = root._asdict() | {"signature": signature}
    await connection.execute(_KEEP, {name: said[name] for name in said if name != "service"})


async def _keep_leaves(connection: AsyncConnection, leaves: Sequence[Leaf]) -> None:
    await connection.execute(_FORGET_LEAVES)
    streams, keys, lasts, digests = zip(*leaves, strict=True)
    await connection.execute(
        _KEEP_LEAVES,
        {
            "streams": list(streams),
            "keys": list(keys),
            "lasts": list(lasts),
            "heads": list(digests),
        },
    )
