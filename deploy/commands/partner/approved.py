"""Keys that came in by page: which wait, and those that the committee approved, as files to be taken up."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Annotated

import typer
from rich.console import Console
from rich.table import Column, Table

from deploy.commands.context import failing_clearly
from deploy.commands.partner.at_hand import StateDir, known_keys, looked_up, running
from deploy.embedded.processes import ServerError
from deploy.state import State
from services.referral.store import handed_keys
from services.referral.store.handed_keys import APPROVED
from services.referral.use_cases.handing_in import Progress, progress

Codes = Annotated[
    list[str] | None,
    typer.Option(
        "--approved",
        metavar="CODE",
        help="An organisation whose keys the committee approved by page, instead of a file.",
    ),
]
PublicFiles = Annotated[
    list[Path] | None, typer.Argument(exists=True, dir_okay=False, help="public.json of each.")
]
_MINUTE = "%Y-%m-%d %H:%M"


@failing_clearly
def waiting(state_dir: StateDir = None) -> None:
    """List the keys that organisations handed in by page and that do not count yet.

    Those that the committee approved are taken up by `siraba partner add` or
    `rotate` with --approved CODE, which checks them like any file.

    Example:

      siraba partner waiting
    """
    state, _ = running(state_dir)
    table = Table(Column("organisation", no_wrap=True), "handed in", "stands", "key", "officers")
    for one in _open(state):
        handed = one.handed
        came = f"{handed.acts[0].at:{_MINUTE}}"
        ids = " ".join(key.id for key in handed.document.keys)
        officers = f"{len(handed.document.officers)} of {one.needed}"
        table.add_row(handed.organisation, came, handed.state, ids, officers)
    Console().print(table)


@dataclass(frozen=True, slots=True, kw_only=True)
class Given:
    """The `public.json` to be taken up. by_page: those of them that a service brings."""

    files: list[Path]
    by_page: frozenset[Path]


@contextmanager
def with_approved(files: Sequence[Path], codes: Sequence[str], *, state: State) -> Iterator[Given]:
    """The files, and for each code what was approved, as a file of its own. Raises ServerError."""
    if not files and not codes:
        raise ServerError("name a public.json, or --approved CODE")
    found = {one.handed.organisation: one.handed for one in _open(state)} if codes else {}
    lacking = [code for code in codes if code not in found or found[code].state != APPROVED]
    if lacking:
        raise ServerError(f"not approved: {', '.join(lacking)}: see `siraba partner waiting`")
    with TemporaryDirectory() as folder:
        made = [Path(folder) / f"{code}.json" for code in dict.fromkeys(codes)]
        for path in made:
            path.write_text(found[path.stem].document.write(), encoding="utf-8")
        yield Given(files=[*files, *made], by_page=frozenset(made))


def _open(state: State) -> list[Progress]:
    """What was handed in and does not count yet."""
    keys, now = known_keys(state), datetime.now(UTC)
    found = [
        progress(one, [key for key in keys if key.owner == one.organisation], now=now)
        for one in looked_up(state, handed_keys.all_open)
    ]
    return [one for one in found if one.waits]
