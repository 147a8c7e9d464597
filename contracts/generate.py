"""Writes the JSON Schema of every message and the AsyncAPI documents; the code is the source."""

import argparse
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from contracts.asyncapi import internal_document, partner_document
from contracts.catalogue import EVENTS, FEED, REQUESTS
from contracts.event import Message
from contracts.recorded import recorded_messages
from contracts.releases import RELEASED
from contracts.vocabulary import described

HERE = Path(__file__).parent
SCHEMAS = HERE / "schemas"
ASYNCAPI = HERE / "asyncapi.json"
ASYNCAPI_INTERNAL = HERE / "asyncapi-internal.json"
DIALECT = "https://json-schema.org/draft/2020-12/schema"


def documents() -> Iterator[tuple[Path, dict[str, Any]]]:
    """(file, content) of everything that is generated."""
    for channel, types in (("events", EVENTS), ("feed", FEED), ("requests", REQUESTS)):
        for ce_type, model in types.items():
            yield SCHEMAS / channel / f"{ce_type}.json", schema_of(model)
    examples = {(one.channel, one.type): one for one in recorded_messages()}
    yield ASYNCAPI, partner_document(examples)
    yield ASYNCAPI_INTERNAL, internal_document(examples)


def schema_of(model: type[Message]) -> dict[str, Any]:
    """The JSON Schema of a body, as it is read."""
    return {"$schema": DIALECT, "$id": model.ce_type(), **described(model.model_json_schema())}


def rendered(content: dict[str, Any]) -> str:
    """The text of a file."""
    return json.dumps(content, indent=2, ensure_ascii=False) + "\n"


def release(version: str) -> int:
    """Copy everything as it is now to where it never changes again; 1 when that version is there."""
    folder = RELEASED / version
    if folder.exists():
        print(f"{folder.relative_to(HERE.parent)} is released")  # noqa: T201 - a command
        return 1
    for path, content in documents():
        copy = folder / path.relative_to(HERE)
        copy.parent.mkdir(parents=True, exist_ok=True)
        copy.write_text(rendered(content))
    return 0


def main() -> int:
    """Write all files, with --check say which differ, or with --release freeze a version."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--check", action="store_true", help="only compare; 1 when files differ")
    parser.add_argument("--release", metavar="VERSION", help="copy to contracts/released/VERSION")
    given = parser.parse_args()
    return release(given.release) if given.release else write(check=given.check)


def write(*, check: bool) -> int:
    """Bring the files up to date, or only say which are not: 1 when there are such."""
    wanted = {path: rendered(content) for path, content in documents()}
    stale = [path for path in SCHEMAS.rglob("*.json") if path not in wanted]
    differing = [p for p, text in wanted.items() if not p.exists() or p.read_text() != text]
    if check:
        for path in (*differing, *stale):
            print(f"{path.relative_to(HERE.parent)}: run `python -m contracts.generate`")  # noqa: T201 - a command
        return 1 if differing or stale else 0
    for path in stale:
        path.unlink()
    for path in differing:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(wanted[path])
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
