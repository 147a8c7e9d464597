"""The files of the editions that are out, as they were laid out once; nobody can change one."""

from collections.abc import Mapping
from hashlib import sha256
from typing import NamedTuple

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

_ADD = text("""
    insert into edition_files (edition, language, name, content, digest)
    values (:edition, :language, :name, :content, :digest)
""")
_NAMED = text("""
    select language, name, octet_length(content) as size, digest from edition_files
    where edition = :edition order by language desc, name
""")
_CONTENT = text("""
    select content from edition_files
    where edition = :edition and language = :language and name = :name
""")
_LACKING = text("""
    select name, language from editions
    cross join unnest(cast(:languages as text[])) with ordinality as wanted(language, nth)
    where not exists (
        select from edition_files where edition = editions.name
        and edition_files.language = wanted.language
    ) order by place, nth limit 1
""")


class Laid(NamedTuple):
    """One file of an edition; size: in bytes; digest: SHA-256."""

    language: str
    name: str
    size: int
    digest: str


class Wording(NamedTuple):
    """An edition in a language."""

    edition: str
    language: str


async def lacking(connection: AsyncConnection, languages: tuple[str, ...]) -> Wording | None:
    """What is to be laid out next."""
    row = (await connection.execute(_LACKING, {"languages": list(languages)})).one_or_none()
    return None if row is None else Wording(row.name, row.language)


async def add(connection: AsyncConnection, of: Wording, files: Mapping[str, bytes]) -> None:
    """Keep all files of an edition in a language, by their names."""
    rows = [
        {
            "edition": of.edition,
            "language": of.language,
            "name": name,
            "content": content,
            "digest": sha256(content).hexdigest(),
        }
        for name, content in files.items()
    ]
    await connection.execute(_ADD, rows)


async def names(connection: AsyncConnection, edition: str) -> list[Laid]:
    """The files there are, French first."""
    return [Laid(*row) for row in await connection.execute(_NAMED, {"edition": edition})]


async def content(connection: AsyncConnection, of: Wording, name: str) -> bytes | None:
    """One file of an edition in a language."""
    asked = {"edition": of.edition, "language": of.language, "name": name}
    found = await connection.scalar(_CONTENT, asked)
    return None if found is None else bytes(found)
