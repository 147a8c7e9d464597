"""`siraba-partner count`: say how many places of a service you have, and how many are free."""

import asyncio
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import typer

from contracts.reports import ReportCapacity
from contracts.vocabulary import allowed, codes
from partners.kit.options import Ca, Code, Folder, Patience, Url
from partners.kit.sending import Sending, say_what_became

Service = Annotated[str, typer.Argument(help=f"One of: {allowed('service')}.", show_default=False)]
Places = Annotated[int, typer.Option(min=0, help="How many you have in all.", show_default=False)]
Free = Annotated[
    int, typer.Option(min=0, help="In how many of them nobody is now.", show_default=False)
]


def count(
    service: Service,
    *,
    places: Places,
    free: Free,
    folder: Folder = Path("siraba-partner"),
    url: Url = "nats://127.0.0.1:8422",
    code: Code = None,
    ca: Ca = None,
    patience: Patience = 10.0,
) -> None:
    """Say how many places you have and how many are free, so that nobody is sent where there is none.

    Siraba counts on from there: who is accepted holds a place, who has left frees one. Count the
    beds as they are; whoever is on the way to you is known.

    \b
    Example:
      siraba-partner count shelter --places 24 --free 3
    """
    if service not in codes("service"):
        raise ValueError(f"SERVICE must be one of: {allowed('service')}")
    if free > places:
        raise ValueError("no more are free than there are")
    report = ReportCapacity(service=service, places=places, free=free, counted_at=datetime.now(UTC))
    sending = Sending(folder=folder, url=url, code=code, ca=ca, patience=patience)
    say_what_became(report.name, asyncio.run(sending.run(report)))
