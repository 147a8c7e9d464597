"""Draws an edition of the annual report on a running platform, and signs what it was made of."""

from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from secrets import token_bytes
from time import time_ns
from typing import Any

from sqlalchemy.ext.asyncio import AsyncEngine

from chassis.trust import PlatformKeys, SigningKey
from contracts.identifiers import Mint
from contracts.signing import SignatureRefused, verify
from deploy.embedded.processes import ServerError
from deploy.signing_keys import platform_keys
from deploy.state import State
from services.reporting.domain import BadWindow
from services.reporting.domain.edition import Audience, Edition, edition_asked, year_asked
from services.reporting.editions import SIGNATURE, NoManifest, edition_in
from services.reporting.gateways.interval_solver import Bounding
from services.reporting.publisher import REFUSALS
from services.reporting.use_cases.dividing import UnknownCode
from services.reporting.use_cases.drawing import Drawn, Overtaken, draw_edition

OWNER = "reporting"
_WINDOW = {
    "before_to": "the period must begin before it ends",
    "day": "must be a day, as YYYY-MM-DD",
    "moment_with_offset": "must be a moment with its offset, as YYYY-MM-DDThh:mm:ssZ",
    "year_that_has_begun": "the year must have begun",
}
_REFUSED: dict[str, str] = {
    "nothing_counted": "nothing is counted in this period: no report is written",
    "small_number": "not published: with what is out already, a small number could be computed",
    "no_bounds": "not published: the audit found no answer",
}


def edition_of(asked: dict[str, str], *, audience: Audience, now: datetime) -> Edition:
    """asked: from, to and perhaps as_of. Raises ServerError."""
    try:
        return edition_asked(asked, audience=audience, now=now)
    except BadWindow as bad:
        raise _not_drawn(bad) from None


def edition_of_year(year: int, *, as_of: str | None, audience: Audience, now: datetime) -> Edition:
    """Raises ServerError."""
    try:
        return year_asked(year, as_of, audience=audience, now=now)
    except BadWindow as bad:
        raise _not_drawn(bad) from None


def _not_drawn(bad: BadWindow) -> ServerError:
    return ServerError(f"--{bad.field.replace('_', '-')}: {_WINDOW[bad.rule]}")


async def drawn(engine: AsyncEngine, edition: Edition, *, progress: Callable[[], None]) -> Drawn:
    """The edition. engine: as reporting's working role. Raises ServerError."""
    try:
        return await draw_edition(
            engine,
            edition,
            solve=Bounding(wide=edition.k),
            mint=Mint(now_ms=lambda: time_ns() // 1_000_000, entropy=token_bytes),
            progress=progress,
        )
    except Overtaken:
        raise ServerError("another edition came out meanwhile: run it again") from None
    except UnknownCode as unknown:
        raise ServerError(
            f"not published: a fact has a code that its list has not: {unknown.dimension}"
        ) from None
    except tuple(REFUSALS) as refused:
        raise ServerError(_REFUSED[REFUSALS[type(refused)]]) from None


def signing(state: State) -> Callable[[bytes], str]:
    """Signs with reporting's key."""
    key = SigningKey(keys=PlatformKeys(folder=state.secrets), owner=OWNER)
    return lambda content: key.signer().sign(content, kind="report")


def read_manifest(path: Path, state: State, *, now: datetime) -> tuple[Edition, dict[str, Any]]:
    """What a manifest says, once its signature beside it is found to be ours. Raises ServerError."""
    try:
        content = path.read_bytes()
        signature = path.with_name(SIGNATURE).read_text("utf-8").strip()
        verify(signature, content, kind="report", keys=platform_keys(state), owner=OWNER, at=now)
        return edition_in(content)
    except OSError as error:
        raise ServerError(f"{error.filename}: {error.strerror}") from None
    except SignatureRefused as refused:
        raise ServerError(f"the manifest is not as it was signed: {refused.reason}") from None
    except NoManifest:
        raise ServerError("the file is no manifest of a report") from None
