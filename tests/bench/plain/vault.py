"""Plain sealing: one key for all dossiers, as a first version has it."""

import json
from collections.abc import Iterable, Iterator, Mapping
from secrets import token_bytes
from typing import NamedTuple
from uuid import UUID

from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from tests.bench.plain.models import Dossier


class Section(NamedTuple):
    """One encrypted section."""

    name: str
    nonce: bytes
    ciphertext: bytes


def seal(key: AESGCM, case_id: UUID, dossier: Mapping[str, Mapping[str, str]]) -> Iterator[Section]:
    """Each filled section by itself, bound to its case and name."""
    for name, fields in dossier.items():
        if fields:
            nonce, clear = token_bytes(12), json.dumps(fields, ensure_ascii=False).encode()
            yield Section(name, nonce, key.encrypt(nonce, clear, _place(case_id, name)))


def opened(key: AESGCM, sections: Iterable[Dossier]) -> dict[str, dict[str, str]]:
    """The sections of one case in clear."""
    return {
        one.section: json.loads(
            key.decrypt(one.nonce, one.ciphertext, _place(one.case_id, one.section))
        )
        for one in sections
    }


def _place(case_id: UUID, section: str) -> bytes:
    return f"{case_id}|{section}".encode()
