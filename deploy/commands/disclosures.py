"""`siraba disclosures CASE`: who could see what of a person, on which ground, on a day."""

import asyncio
from collections.abc import Sequence
from datetime import UTC, date, datetime, time, timedelta
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.table import Table
from sqlalchemy import text
from sqlalchemy.ext.asyncio import create_async_engine
from sqlalchemy.pool import NullPool

from contracts.case_number import is_case_number
from contracts.vocabulary import label
from deploy.commands.context import database_url, failing_clearly, running_state
from deploy.embedded.processes import ServerError
from deploy.migrate import OPERATIONS

# From the moment it was released to the moment it ended; a look at a desk belongs to its referral.
_DISCLOSED = text("""
    select disclosures.*, outbox.stream_sequence,
           (select count(*) from intake.openings
            where openings.referral_id = disclosures.referral_id
              and openings.opened_at < :before) as looks
    from intake.disclosures join intake.cases using (case_id)
    left join intake.outbox on outbox.id = receipt_id
    where cases.number = :number and released_at < :before and coalesce(ended_at >= :since, true)
    order by released_at, receipt_id
""")
_KNOWN = text("select exists (select from intake.cases where number = :number)")


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


async def _disclosed(url: str, number: str, day: date | None) -> Sequence[Any]:
    engine = create_async_engine(url, poolclass=NullPool, hide_parameters=True)
    since, before = _bounds(day)
    try:
        async with engine.connect() as connection:
            if not await connection.scalar(_KNOWN, {"number": number}):
                raise ServerError("no case has this number here")
            found = await connection.execute(
                _DISCLOSED, {"number": number, "since": since, "before": before}
            )
            return found.all()
    finally:
        await engine.dispose()


def _bounds(day: date | None) -> tuple[datetime, datetime]:
    """The first moment of the day and that of the next; without a day, all there is."""
    if day is None:
        return datetime(1970, 1, 1, tzinfo=UTC), datetime(9999, 1, 1, tzinfo=UTC)
    since = datetime.combine(day, time(), tzinfo=UTC)
    return since, since + timedelta(days=1)


def _table(rows: Sequence[Any]) -> Table:
    table = Table(
        "recipient", "service", "how", "ground", "policy", "fields", "from", "until", "receipt"
    )
    for row in rows:
        table.add_row(
            row.organisation,
            row.service,
            _how(row),
            "" if row.ground is None else label("ground", row.ground, "en"),
            row.policy_version,
            ", ".join(row.fields) or "none",
            f"{row.released_at:%Y-%m-%d %H:%M:%S}",
            "open" if row.ended_at is None else f"withdrawn {row.ended_at:%Y-%m-%d %H:%M:%S}",
            _receipt(row),
        )
    return table


def _how(row: Any) -> str:
    name = label("disclosure_form", row.form, "en")
    return f"{name}, looked at {row.looks} times" if row.form == "desk" else name


def _receipt(row: Any) -> str:
    if row.digest is None:
        return ""
    place = "not sent" if row.stream_sequence is None else f"OUT {row.stream_sequence}"
    return f"{place}, sha256 {bytes(row.digest).hex()[:16]}…"
