"""What no key opens any more, and what no key vouches for, of all that a run left behind."""

from collections.abc import Iterable, Mapping
from datetime import datetime
from secrets import token_bytes

from sqlalchemy import text

from contracts.envelope import Rejected, decode_headers
from contracts.feed import DossierDisclosed
from contracts.keyring import Keyring
from contracts.signing import Kind, SignatureRefused, verify_message
from deploy.key_rotation import vault_keys
from partners.kit import Keys
from partners.kit.dossiers import open_dossier
from services.intake.store.dossiers import open_dossier as open_in_vault
from services.intake.vault import Vault
from tests.journeys.cases import Case
from tests.journeys.road import Road
from tests.trust.key_turns import working_as
from tests.trust.streams import Stored


async def shut_in_the_vault(
    road: Road, attempted: Mapping[str, Case], acked: Mapping[str, str]
) -> list[str]:
    """The cases (by key) whose dossier is not what its caller was promised to be kept."""
    vault = Vault(vault_keys(road.platform.state), token_bytes)
    found = []
    async with working_as(road, "intake") as engine, engine.connect() as connection:
        rows = await connection.execute(text("select number, case_id from cases"))
        by_number = {number: case_id for number, case_id in rows}
        for key, number in acked.items():
            said = attempted[key].body["dossier"]
            try:
                kept = await open_in_vault(connection, by_number[number], tuple(said), vault=vault)
            except Exception:  # noqa: BLE001 - whatever it is, it was not opened
                kept = {}
            if kept != said:
                found.append(key)
    return found


def disclosed_to(code: str, stored: Iterable[Stored]) -> list[Stored]:
    """Every dossier that lies in one organisation's feed."""
    subject = f"out.{code}.dossier.disclosed.v1"
    return [one for one in stored if one.subject == subject]


def shut_in_the_feed(stored: Iterable[Stored], keys: Keys) -> list[str]:
    """The ids of dossiers that these keys do not open."""
    found = []
    for one in disclosed_to(keys.code, stored):
        message = DossierDisclosed.model_validate_json(one.body)
        try:
            open_dossier(message, decode_headers(one.headers), keys=keys)
        except Rejected:
            found.append(one.id)
    return found


def unvouched(
    stored: Iterable[Stored], keys: Keyring, *, kind: Kind, at: datetime | None = None
) -> dict[str, str]:
    """Message id → why its signature does not count. at: judge then, and not at its own time."""
    found: dict[str, str] = {}
    for one in stored:
        try:
            verify_message(
                one.headers, one.body, subject=one.subject, kind=kind, keys=keys, at=at or one.at
            )
        except SignatureRefused as refused:
            found[one.id] = refused.reason
    return found
