"""`siraba-partner`: make keys, listen, answer and look, from a terminal or a script."""

import asyncio
import json
import logging
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated
from uuid import UUID

import typer
from rich.console import Console
from rich.table import Table

from contracts.vocabulary import allowed
from partners.kit import again, counting, examining, keys, renewing
from partners.kit.answers import FORMS, parse_policy
from partners.kit.counters import Counters, read_counters
from partners.kit.errors import KitError
from partners.kit.lines import Lines
from partners.kit.listening import Listening
from partners.kit.options import Ca, Code, Folder, Patience, Url
from partners.kit.running import run
from partners.kit.sending import Action, Sending, say_what_became

WHY = (
    f"Why you decline: {allowed('decline_reason')}. "
    f"Why the service is not given: {allowed('failure_reason')}."
)

app = typer.Typer(
    name="siraba-partner",
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode="rich",
    pretty_exceptions_show_locals=False,
    help="""
Take part in Siraba as an organisation: read the referrals made to you, and answer them.

Your private keys never leave your folder; Siraba gets [bold]public.json[/bold] only.

[bold]First time[/bold]

\b
  siraba-partner init --code SHELTER_A      make your keys
  (send public.json to the directory officer and wait for the confirmation)
  siraba-partner listen                     see what comes
  siraba-partner send accept REFERRAL_ID    take the person on
  siraba-partner status                     is everything in order?
""",
)


@app.callback()
def _start() -> None:
    logging.basicConfig(level=logging.WARNING, format="siraba-partner: %(message)s")


@app.command()
def init(
    code: Annotated[
        str, typer.Option(help="Your organisation's code in the directory.", metavar="CODE")
    ],
    folder: Folder = Path("siraba-partner"),
) -> None:
    """Make your three private keys and public.json. Never overwrites anything.

    \b
    Example:
      siraba-partner init --code SHELTER_A --dir /etc/siraba/shelter
    """
    with _readable_errors():
        keys.init(folder, code=code)
    typer.echo(f"Keys of {code} are in {folder}. Keep that folder to yourself, and back it up.")
    typer.echo(f"Hand over {folder / keys.PUBLIC}: it is the only file that is not secret.")


@app.command()
def renew(folder: Folder = Path("siraba-partner")) -> None:
    """Make the keys that will replace yours, in DIR/next; nothing changes yet.

    Your present keys vouch for the new ones. Hand over DIR/next/public.json,
    and run `siraba-partner switch` once it is confirmed.

    \b
    Example:
      siraba-partner renew --dir /etc/siraba/shelter
    """
    with _readable_errors():
        renewing.renew(folder)
    typer.echo(
        f"Hand over {folder / renewing.NEXT / keys.PUBLIC}; your keys stay in use till then."
    )


@app.command()
def switch(folder: Folder = Path("siraba-partner")) -> None:
    """Take the keys of DIR/next into use, once they are confirmed.

    Stop your program first. The earlier sealing key stays beside, for what is
    still on its way to you; requests that still wait are signed anew.

    \b
    Example:
      siraba-partner switch --dir /etc/siraba/shelter
    """
    with _readable_errors():
        renewing.take_into_use(folder, now=_now())
    typer.echo("The new keys are in use.")


@app.command()
def listen(
    *,
    folder: Folder = Path("siraba-partner"),
    url: Url = "nats://127.0.0.1:8422",
    code: Code = None,
    ca: Ca = None,
    as_json: Annotated[bool, typer.Option("--json", help="One JSON object per line.")] = False,
    policy: Annotated[str, typer.Option(help=f"Answer by itself: {FORMS}.")] = "silent",
    complete: Annotated[
        bool, typer.Option("--complete", help="Also report accepted services started, delivered.")
    ] = False,
    until_idle: Annotated[
        float | None,
        typer.Option(min=0.1, metavar="SECONDS", help="End after so long without a message."),
    ] = None,
) -> None:
    """Show your feed as it comes, one line per message; Ctrl-C ends it and loses nothing.

    Each message is shown once, also after a crash: what was handled is remembered on disk. Of a
    dossier only the number of its fields is shown, and it counts as handled: your own program
    reads it, also later after `siraba-partner replay`.

    \b
    Examples:
      siraba-partner listen
      siraba-partner listen --json --until-idle 5
      siraba-partner listen --url tls://siraba.example:8422 --ca authority.pem
      siraba-partner listen --policy decline:capacity
      siraba-partner listen --policy accept --complete
    """
    with _readable_errors():
        listening = Listening(
            folder=folder,
            url=url,
            code=code,
            ca=ca,
            policy=parse_policy(policy, complete=complete),
            until_idle=until_idle,
        )
        run(listening.run(Lines(write=_line, now=_now, as_json=as_json)))


@app.command()
def send(
    action: Annotated[Action, typer.Argument(help="What you have to say.", show_default=False)],
    referral_id: Annotated[
        UUID, typer.Argument(metavar="REFERRAL_ID", help="As the offer carries it.")
    ],
    *,
    reason: Annotated[str | None, typer.Option(help=WHY)] = None,
    folder: Folder = Path("siraba-partner"),
    url: Url = "nats://127.0.0.1:8422",
    code: Code = None,
    ca: Ca = None,
    patience: Patience = 10.0,
) -> None:
    """Answer a referral. The request is stored first; without a connection it goes out later.

    Siraba answers in your feed: with its own event (referral.accepted), or with request.refused.
    "acknowledge" says that you have erased what you were told on consent that was withdrawn.

    Exit code: 0 Siraba has it, 3 stored but not yet sent, 1 wrong input.

    \b
    Examples:
      siraba-partner send receive 6f1e0c1e-0f53-4f4e-9a0c-2f5a2b1f7c11
      siraba-partner send accept 6f1e0c1e-0f53-4f4e-9a0c-2f5a2b1f7c11
      siraba-partner send decline 6f1e0c1e-0f53-4f4e-9a0c-2f5a2b1f7c11 --reason capacity
      siraba-partner send fail    6f1e0c1e-0f53-4f4e-9a0c-2f5a2b1f7c11 --reason no_show
      siraba-partner send acknowledge 6f1e0c1e-0f53-4f4e-9a0c-2f5a2b1f7c11
    """
    with _readable_errors():
        sending = Sending(folder=folder, url=url, code=code, ca=ca, patience=patience)
        requests = sending.requests(action, referral_id, reason)
        receipts = [asyncio.run(sending.run(request)) for request in requests]
    say_what_became(requests[-1].name, receipts[-1])


@app.command()
def status(
    folder: Folder = Path("siraba-partner"),
    as_json: Annotated[bool, typer.Option("--json", help="One JSON object.")] = False,
) -> None:
    """Count what came, what was done and what still waits; works without a connection.

    \b
    Example:
      siraba-partner status --dir /etc/siraba/shelter
    """
    with _readable_errors():
        counters = read_counters(folder)
        if counters is None:
            keys.require(folder)
    if counters is None:
        typer.echo(f"{folder}: nothing received or sent yet")
    elif as_json:
        typer.echo(json.dumps(asdict(counters)))
    else:
        _show(counters)


def _show(counters: Counters) -> None:
    rows = [
        ("messages received", counters.received),
        ("handled", counters.handled),
        ("open", counters.received - counters.handled),
        ("repeats recognised", counters.repeats),
        ("unreadable, kept aside", counters.quarantined),
        ("requests stored", counters.requests),
        ("waiting to be sent", counters.waiting),
        ("refused by Siraba", counters.refused),
        *((f"referrals {state}", count) for state, count in counters.referrals.items()),
        *((f"last number of {source}", last) for source, last in counters.last.items()),
    ]
    if sys.stdout.isatty():
        table = Table(show_header=False)
        for name, value in rows:
            table.add_row(name, str(value))
        Console().print(table)
    else:
        for name, value in rows:
            typer.echo(f"{name:<40} {value}")
    for source, first, last in counters.gaps:
        typer.echo(f"missing: numbers {first} to {last} of {source}")
    for referral in counters.to_erase:
        typer.echo(
            "consent was withdrawn: erase what you were told on it, then"
            f" siraba-partner send acknowledge {referral}"
        )


@contextmanager
def _readable_errors() -> Iterator[None]:
    try:
        yield
    except (KitError, ValueError) as error:
        typer.echo(f"siraba-partner: {error}", err=True)
        raise typer.Exit(1) from None


def _line(text: str) -> None:
    # Flushed line by line: a program that reads our lines must not wait for a full buffer.
    print(text, flush=True)  # noqa: T201  # a command line's output is its purpose


def _now() -> datetime:
    return datetime.now(UTC)


for _command in (again.replay, again.snapshot, counting.count, examining.conform):
    app.command()(_readable_errors()(_command))
