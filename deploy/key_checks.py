"""The doctor's line on the keys that partners seal to: a report sealed to none cannot be made."""

from datetime import datetime
from typing import Final

import asyncpg  # type: ignore[import-untyped]  # the package ships no types
from sqlalchemy.engine import make_url

from deploy.checks import Check
from deploy.key_rotation import monthly_keys
from deploy.state import State

_TOLD: Final = "select key from referral.keys_told where key = any($1)"
_NAME: Final = "partners were told the sealing keys of this month and the next"


async def check_months(url: str, state: State, *, now: datetime) -> Check:
    """Whether every key of a month that is not over has gone into the feeds."""
    keys = [key for key in monthly_keys(state).public_keys() if key.fault(now) != "key_expired"]
    plain = make_url(url).set(drivername="postgresql").render_as_string(hide_password=False)
    try:
        connection = await asyncpg.connect(plain, timeout=10)
    except (OSError, asyncpg.PostgresError) as error:
        return Check(_NAME, False, type(error).__name__)
    try:
        rows = await connection.fetch(_TOLD, [key.key for key in keys])
    finally:
        await connection.close()
    told = {row["key"] for row in rows}
    untold = [f"{key.valid_from:%Y-%m}" for key in keys if key.key not in told]
    found = f"not that of {', '.join(untold)}: `siraba keys announce`" if untold else f"{len(keys)}"
    return Check(_NAME, not untold, found)
