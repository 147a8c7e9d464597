"""What an edition was made of, as signed JSON: enough to make it again, and to see that it is the same."""

import json
from collections.abc import Mapping
from hashlib import sha256
from importlib.metadata import version
from pathlib import Path
from typing import Any, Final

from contracts.vocabulary import codes, entry, list_names
from services.reporting.domain.edition import Edition, read_edition
from services.reporting.store.indicators import INDICATORS
from services.reporting.use_cases.drawing import Drawn
from services.reporting.use_cases.summing import REPORTED

MANIFEST: Final = "manifest.json"
SIGNATURE: Final = "manifest.sig"
#: What another run must find again, part by part.
_COMPARED: Final = ("codes", "questions", "tables")


class NoManifest(ValueError):
    """The file is no manifest of an edition."""


def manifest(drawn: Drawn) -> dict[str, Any]:
    """Everything that the numbers rest on; no number itself."""
    return {
        "edition": drawn.edition.name,
        "k": drawn.edition.k,
        "revises": drawn.revised.since.isoformat() if drawn.revised else None,
        "siraba": version("siraba"),
        "positions": [
            {
                "stream": one.stream,
                "sequence": one.sequence,
                "recorded_at": one.recorded_at.isoformat(),
            }
            for one in drawn.positions
        ],
        "codes": {
            name: _digest([repr(entry(name, code)) for code in codes(name)])
            for name in list_names()
        },
        "questions": {
            one.code: _digest([one.unit, one.numerator, one.denominator, one.counted, one.out_of])
            for one in INDICATORS.values()
        }
        | {
            one.code: _digest([one.unit, one.meaning, one.measured, one.out_of]) for one in REPORTED
        },
        "tables": {one.name: _digest(one.said) for one in drawn.tables},
    }


def digests(folder: Path) -> dict[str, str]:
    """Of every file there, so that the signature is theirs as well."""
    return {
        one.name: sha256(one.read_bytes()).hexdigest()
        for one in sorted(folder.iterdir())
        if one.name not in (MANIFEST, SIGNATURE)
    }


def relaid(said: Mapping[str, Any], folder: Path) -> list[str]:
    """The files there that have other bytes than the manifest says: the same numbers, laid out by another release."""
    before = said.get("files", {})
    return [name for name, digest in digests(folder).items() if before.get(name, digest) != digest]


def written(said: Mapping[str, Any]) -> bytes:
    """The bytes that are signed."""
    return (json.dumps(said, indent=1, sort_keys=True, ensure_ascii=False) + "\n").encode()


def edition_in(content: bytes) -> tuple[Edition, dict[str, Any]]:
    """The edition that a manifest is about, and all it says. Raises `NoManifest`."""
    try:
        said = json.loads(content)
        edition = read_edition(said["edition"])
    except (ValueError, KeyError, TypeError):
        raise NoManifest from None
    if edition is None or any(not isinstance(said.get(part), dict) for part in _COMPARED):
        raise NoManifest
    return edition, said


def differences(said: Mapping[str, Any], now: Mapping[str, Any]) -> list[str]:
    """Which code lists, questions and tables are not what they were; empty where all are."""
    return [
        f"{part}: {name}"
        for part in _COMPARED
        for name in sorted({*said[part], *now[part]})
        if said[part].get(name) != now[part].get(name)
    ]


def _digest(content: Any) -> str:
    return sha256(json.dumps(content, ensure_ascii=False).encode()).hexdigest()
