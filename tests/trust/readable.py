"""What can still be read of persons: in clear anywhere, and with every key that is left."""

import json
import re
from collections.abc import Iterable, Mapping
from contextlib import suppress
from pathlib import Path
from secrets import token_bytes
from uuid import UUID

import asyncpg  # type: ignore[import-untyped]  # the package ships no types
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey
from sqlalchemy import text

from contracts.feed import DossierDisclosed
from contracts.keyring import key_id
from contracts.sealing import Place, open_sealed
from services.intake.store.dossiers import DossierErased, open_dossier
from services.intake.vault import KeyDamaged, KeyFiles, KeyUnavailable, Vault
from services.intake.vault.sections import SectionDamaged
from tests.intake.vaults import work_engine
from tests.servers import Database
from tests.trust.canaries import MARK, hits
from tests.trust.streams import Stored

SECTIONS = ("identity", "contact", "exploitation", "medical", "psychosocial", "safe_place",
            "notes", "other")  # fmt: skip
_CANARY = re.compile(re.escape(MARK) + r"(\d{6,})z")
_TABLES = """
    select table_schema, table_name from information_schema.tables
    where table_schema in ('intake', 'referral', 'reporting', 'telemetry')
      and table_type = 'BASE TABLE'
"""
Fields = frozenset[int]


def fields_in(content: object) -> Fields:
    """The numbers of the canaries in something that was opened."""
    return frozenset(map(int, _CANARY.findall(json.dumps(content, ensure_ascii=False))))


async def in_the_vault(database: Database, keys: KeyFiles) -> Fields:
    """What the key-encryption keys that are left open of this database."""
    found: Fields = frozenset()
    vault = Vault(keys, token_bytes)
    async with work_engine(database.url("intake_work")) as engine, engine.connect() as connection:
        cases = (await connection.execute(text("select case_id from cases"))).scalars().all()
        for case_id in cases:
            with suppress(DossierErased, KeyUnavailable, KeyDamaged, SectionDamaged):
                found |= fields_in(await open_dossier(connection, case_id, SECTIONS, vault=vault))
    return found


async def in_the_outbox(database: Database, keys: Mapping[str, X25519PrivateKey]) -> Fields:
    """What recipients' keys open of messages that intake keeps."""
    query = """
        select id::text, organisation, subject, body from intake.outbox
        where name = 'dossier.disclosed' and body is not null
    """
    rows = await _fetched(database, query)
    return frozenset().union(
        *(_opened(one["body"], one["id"], one["organisation"], case=one["subject"], keys=keys)
          for one in rows)
    )  # fmt: skip


def in_the_feeds(stored: Iterable[Stored], keys: Mapping[str, X25519PrivateKey]) -> Fields:
    """What recipients' keys open of OUT."""
    return frozenset().union(
        *(_opened(one.body, one.id, one.subject.split(".")[1], case=one.place, keys=keys)
          for one in stored if one.name == DossierDisclosed.name)
    )  # fmt: skip


def lying_in(folder: Path, messages: Iterable[Stored]) -> list[Stored]:
    """Those whose bytes stand in these files, deleted or not."""
    contents = [path.read_bytes() for path in folder.rglob("*") if path.is_file()]
    return [one for one in messages if any(one.body in content for content in contents)]


async def in_clear(database: Database, *folders: Path) -> list[str]:
    """Where a canary stands in tables or files, in whatever disguise."""
    found = []
    for schema, table in await _fetched(database, _TABLES):
        rows = await _fetched(database, f'select one::text from "{schema}"."{table}" as one')
        content = "\n".join(row[0] for row in rows).encode()
        found += [hit.place for hit in hits(f"{schema}.{table}", content)]
    for folder in folders:
        for path in folder.rglob("*"):
            if path.is_file():
                found += [hit.place for hit in hits(path.name, path.read_bytes())]
    return found


def _opened(
    body: bytes, id: str, organisation: str, *, case: str, keys: Mapping[str, X25519PrivateKey]
) -> Fields:
    message = DossierDisclosed.model_validate_json(body)
    key = keys[organisation]
    place = Place(str(UUID(id)), organisation, case, message.sections)
    known = {key_id(key.public_key().public_bytes_raw()): key}
    return fields_in(json.loads(open_sealed(message.sealed, place, keys=known)))


async def _fetched(database: Database, query: str) -> list[asyncpg.Record]:
    connection = await asyncpg.connect(database.superuser_url.replace("+asyncpg", ""))
    try:
        found: list[asyncpg.Record] = await connection.fetch(query)
        return found
    finally:
        await connection.close()
