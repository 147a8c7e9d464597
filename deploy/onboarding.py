"""Organisations' keys on a running platform: taken up, replaced and cut off without a restart."""

import json
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Final

from contracts.keyring import Keyring, PublicKey
from deploy.directory_publish import publish_directory
from deploy.doors import copy_doors
from deploy.embedded.processes import ServerError
from deploy.engines import known_partners, let_in
from deploy.keys import PROVISIONER, read_public_keys, seed_file
from deploy.provision import codes_of, provision
from deploy.settings import PlatformSettings
from deploy.signing_keys import hand_over
from deploy.state import State, write_secret
from partners.conformance.report import (
    Outcome,
    ReportRefused,
    claimed_code,
    contracts_digest,
    verify_report,
)

#: How old an examination may be.
REPORT_LIFE: Final = timedelta(days=30)


def keep_public_keys(state: State, files: Iterable[Path]) -> list[str]:
    """Lay these `public.json` into the state, in the place of what was there; their codes.

    All are read before one is written. Raises KeyFileError.
    """
    read = {read_public_keys(file).code: file.read_text("utf-8") for file in files}
    for code, text in read.items():
        for place in _places(state, code) or [state.partners / f"{code}.json"]:
            write_secret(place, text)
    return list(read)


def let_wait(state: State, files: Iterable[Path]) -> list[str]:
    """Lay these `public.json` aside until their organisations' programs are examined; the codes."""
    state.waiting.mkdir(exist_ok=True, mode=0o700)
    read = {read_public_keys(file).code: file.read_text("utf-8") for file in files}
    for code, text in read.items():
        write_secret(state.waiting / f"{code}.json", text)
    return list(read)


def examined(state: State, report: Path, *, doors: Mapping[str, str], now: datetime) -> Path:
    """The waiting `public.json` whose owner has signed this report of a program that conforms.

    doors: by which each organisation comes, as the directory has it.

    Raises ServerError where it does not stand for the program as it is now.
    """
    content = report.read_bytes()
    code = claimed_code(content)
    waiting = state.waiting / f"{code}.json"
    if code is not None and not waiting.exists() and login_keys(state, code):
        raise ServerError(f"{report.name}: {code} takes part already: there is nothing to do")
    if code is None or not waiting.exists():
        raise ServerError(f"{report.name}: nobody waits with it: `siraba partner add` first")
    key = PublicKey(
        owner=code,
        use="signing",
        key=json.loads(waiting.read_text("utf-8"))["signing"],
        valid_from=datetime.fromtimestamp(0, tz=UTC),  # how old it is, is judged below
    )
    try:
        found = verify_report(content, Keyring([key]), code=code)
    except ReportRefused as refused:
        raise ServerError(f"{report.name}: {refused}") from None
    if not found.conforms:
        failed = [one.check for one in found.verdicts if one.outcome is not Outcome.PASSED]
        raise ServerError(f"{report.name}: {code} does not conform: {', '.join(failed)}")
    if found.door != doors.get(code):
        raise ServerError(
            f"{report.name}: examined by {found.door}, and the directory has {code} by"
            f" {doors.get(code)}"
        )
    if not now - REPORT_LIFE <= found.at <= now + timedelta(minutes=10):
        raise ServerError(f"{report.name}: older than {REPORT_LIFE.days} days: examine again")
    if found.contracts != contracts_digest():
        raise ServerError(f"{report.name}: examined with other messages: update and examine again")
    return waiting


def login_keys(state: State, code: str) -> list[str]:
    """The NATS keys of this organisation that are taken up."""
    return [key for place in _places(state, code) for key in read_public_keys(place).nkeys]


def put_away(state: State, code: str, *, now: datetime) -> None:
    """Take an organisation's public keys out, and keep them beside: no start takes them up again.

    Raises ServerError when it has none.
    """
    places = _places(state, code)
    if not places:
        raise ServerError(f"{code}: no keys of this organisation are taken up")
    for place in places:
        place.rename(place.with_name(f"{place.name}.revoked-{now:%Y%m%dT%H%M%SZ}"))


async def take_up(state: State, settings: PlatformSettings, *, database_url: str) -> None:
    """Bring NATS and the directory to what lies in the state; who is not there is disconnected.

    Other connections are not touched. Raises ServerError.
    """
    await copy_doors(state, database_url=database_url)
    await let_in(state, settings)
    hand_over(state)
    await publish_directory(settings.directory_file, state=state, database_url=database_url)
    await copy_doors(state, database_url=database_url)
    url, codes = str(state.status()["nats_url"]), codes_of(known_partners(state, settings))
    outcome = await provision(url, seed_file(state, PROVISIONER), codes)
    if not outcome.clean:
        raise ServerError("\n".join(["streams differ:", *map(str, outcome.found)]))


def _places(state: State, code: str) -> list[Path]:
    """Where the public keys of this organisation lie."""
    found = (*state.partners.glob("*.json"), *state.partners.glob("*/public.json"))
    return [path for path in sorted(found) if read_public_keys(path).code == code]
