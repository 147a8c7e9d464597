"""`siraba-partner replay` and `snapshot`: have told again what your own system has lost."""

import asyncio
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import typer

from contracts.requests import Request, SnapshotFeed
from partners.kit.client import Partner
from partners.kit.delivery import Receipt
from partners.kit.options import Ca, Code, Folder, Patience, Url

Since = Annotated[
    datetime,
    typer.Option(
        formats=["%Y-%m-%d", "%Y-%m-%dT%H:%M"], help="Day or minute, in UTC, within 90 days."
    ),
]


def replay(
    since: Since,
    *,
    folder: Folder = Path("siraba-partner"),
    url: Url = "nats://127.0.0.1:8422",
    code: Code = None,
    ca: Ca = None,
    patience: Patience = 10.0,
) -> None:
    """Have your feed told again from a moment on; the messages come with the next listen.

    Stop your program first. What you handled already is handed out once more;
    what was withdrawn or erased since does not come.

    \b
    Example:
      siraba-partner replay --since 2026-11-14
    """

    async def ask() -> None:
        async with Partner.open(folder, url=url, code=code, ca=ca, patience=patience) as partner:
            _require(await partner.replay(since.replace(tzinfo=UTC)))

    asyncio.run(ask())
    typer.echo("Siraba tells your feed again from there; start your program.")


def snapshot(
    *,
    folder: Folder = Path("siraba-partner"),
    url: Url = "nats://127.0.0.1:8422",
    code: Code = None,
    ca: Ca = None,
    patience: Patience = 10.0,
) -> None:
    """Have told how each of your open referrals stands, however old it is.

    They come in your feed as referral.restated; at most once in ten minutes.

    \b
    Example:
      siraba-partner snapshot
    """

    async def ask(request: Request) -> None:
        async with Partner.open(folder, url=url, code=code, ca=ca, patience=patience) as partner:
            _require(await partner.send(request))

    asyncio.run(ask(SnapshotFeed()))
    typer.echo("Siraba tells your open referrals; they come in your feed.")


def _require(receipt: Receipt) -> None:
    if not receipt.acknowledged:
        raise ValueError("the request is stored and goes out with the next listen")
