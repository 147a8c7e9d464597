"""`siraba disclosures CASE`: who could see what of a person, on which ground, on a day."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from pathlib import Path
from typing import Annotated
from uuid import UUID

import typer
from rich.console import Console
from rich.table import Table
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection, create_async_engine
from sqlalchemy.pool import NullPool

from contracts.case_number import is_case_number
from contracts.vocabulary import label
from deploy.commands.context import database_url, failing_clearly, running_state
from deploy.embedded.processes import ServerError
from deploy.migrate import OPERATIONS
from services.intake.store.told import Disclosed, Period, disclosed, looks

_SENT = text("""
    select receipt_id, disclosures.digest, outbox.stream_sequence
    from disclosures left join outbox on outbox.id = receipt_id
    where receipt_id = any(cast(:receipts as uuid[]))
""")
_CASE = text("select case_id from cases where number = :number")
_THERE = text("set local search_path to intake")


@dataclass(frozen=True, slots=True, kw_only=True)
class _Line:
    """A disclosure with its message, and how often it was looked up."""

    one: Disclosed
    digest: bytes | None
    stream_sequence: int | None
    looks: int


@failing_clearly
def disclosures(
    case: Annotated[str, typer.Argument(help="Case number (ML-…).")],
    at: Annotated[
        datetime | None,
        typer.Option(formats=["%Y-%m-%d"], help="Only what was open on this day (UTC)."),
    ] = None,
    state_dir: Annotated[
        Path | None, typer.Option(help="State folder of the running platform (default .siraba).")
    ] = None,
) -> None:
    """Show every disclosure of a case: recipient, ground, fields, from when to when.

    Names of fields are shown and never what stands in them. A message that
    was withdrawn has left the feed; what its recipient had read before is
    its recipient's to erase, and `siraba consent open` says who has not
    confirmed that.

    Examples:

      siraba disclosures ML-12-2026-7K3QXF-C
      siraba disclosures ML-12-2026-7K3QXF-C --at 2026-11-20
    """
    if not is_case_number(case.upper()):
        raise ServerError("not a case number (ML-<CT>-<year>-<6 symbols>-<check symbol>)")
    state = running_state(state_dir)
    url = database_url(state, OPERATIONS)
    rows = asyncio.run(_disclosed(url, case.upper(), None if at is None else at.date()))
    Console().print(_table(rows) if rows else "Nothing was disclosed.")


async def _disclosed(url: str, number: str, day: date | None) -> Sequence[_Line]:
    engine = create_async_engine(url, poolclass=NullPool, hide_parameters=True)
    try:
        async with engine.begin() as connection:
            await connection.execute(_THERE)
            case_id = await connection.scalar(_CASE, {"number": number})
            if case_id is None:
                raise ServerError("no case has this number here")
            return await _lines(connection, case_id, during=_day(day))
    finally:
        await engine.dispose()


async def _lines(connection: AsyncConnection, case_id: UUID, *, during: Period) -> Sequence[_Line]:
    found = await disclosed(connection, [case_id], during=during)
    looked = await looks(connection, [case_id], during=during)
    receipts = {"receipts": [one.receipt_id for one in found]}
    sent = {row.receipt_id: row for row in await connection.execute(_SENT, receipts)}
    return [
        _Line(
            one=one,
            digest=sent[one.receipt_id].digest,
            stream_sequence=sent[one.receipt_id].stream_sequence,
            looks=len(looked.get(one.referral_id, ())),
        )
        for one in found
    ]


def _day(day: date | None) -> Period:
    """The first moment of the day and that of the next; without a day, all there is."""
    if day is None:
        return Period()
    since = datetime.combine(day, time(), tzinfo=UTC)
    return Period(since=since, before=since + timedelta(days=1))


def _table(lines: Sequence[_Line]) -> Table:
    table = Table(
        "recipient", "service", "how", "ground", "policy", "fields", "from", "until", "receipt"
    )
    for line in lines:
        one = line.one
        table.add_row(
            one.organisation,
            one.service,
            _how(line),
            "" if one.ground is None else label("ground", one.ground, "en"),
            one.policy_version,
            ", ".join(one.fields) or "none",
            f"{one.released_at:%Y-%m-%d %H:%M:%S}",
            "open" if one.ended_at is None else f"withdrawn {one.ended_at:%Y-%m-%d %H:%M:%S}",
            _receipt(line),
        )
    return table


def _how(line: _Line) -> str:
    name = label("disclosure_form", line.one.form, "en")
    return f"{name}, looked at {line.looks} times" if line.one.form == "desk" else name


def _receipt(line: _Line) -> str:
    if line.digest is None:
        return ""
    place = "not sent" if line.stream_sequence is None else f"OUT {line.stream_sequence}"
    return f"{place}, sha256 {bytes(line.digest).hex()[:16]}…"
