"""What a partner's program holds in its hands: a message that came, and proof of one that went."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from uuid import UUID

from contracts.envelope import Envelope
from contracts.event import Message
from partners.kit.dossiers import Dossier


@dataclass(frozen=True, slots=True, kw_only=True)
class Delivery:
    """One message of the own feed.

    `again` is True when it has been handed out before and was not closed with `done()`.
    `dossier` is what a `dossier.disclosed` held, opened with your key: section → field → text. It is
    in memory only: keep it where you keep your own files, and erase it when consent is withdrawn.
    """

    envelope: Envelope
    message: Message
    again: bool
    dossier: Dossier | None = field(default=None, repr=False)
    _close: Callable[[], Awaitable[None]] = field(repr=False)

    async def done(self) -> None:
        """Say that your own work for this message is finished and on disk.

        The ledger remembers that first, then the platform is told; a crash in between costs one
        more delivery, which the kit recognises and never hands out again.
        """
        await self._close()


@dataclass(frozen=True, slots=True, kw_only=True)
class Receipt:
    """A request that is stored and will reach the platform.

    `acknowledged` is True when the platform already has it; otherwise it is sent again, under the
    same id, until it does.
    """

    id: UUID
    acknowledged: bool
