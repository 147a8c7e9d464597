"""How the program under test reaches its feed, and what the platform learns of its reading."""

from typing import Protocol


class Door(Protocol):
    """One of the platform's two doors. `url`: what the program is given.

    `ended`: places in the stream of what the program is done with.
    """

    url: str
    ended: set[int]

    async def is_awaited(self) -> bool:
        """Whether the program waits for messages now."""

    async def ended_up_to(self) -> int:
        """The place in the stream before which nothing of the feed is open."""

    async def rewind(self) -> None:
        """The feed begins anew: all that is stored will be handed out again."""

    async def lose_words(self, lost: bool) -> None:
        """Whether the program's word that it is done with a message does not arrive."""

    async def has_repeated(self) -> bool:
        """Whether a message went out once more since the feed began."""
