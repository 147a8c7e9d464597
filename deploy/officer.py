"""The directory officer's key: made here for a first start, kept elsewhere from then on."""

import json
import os
from collections.abc import Iterable
from datetime import datetime
from pathlib import Path
from typing import Any

from contracts.countersigning import (
    OFFICER,
    OFFICERS_FILE,
    PREVIOUS,
    PROOF,
    countersign,
    is_countersigned,
    is_proven,
)
from contracts.keyring import (
    KEY_BYTES,
    Keyring,
    PublicKey,
    encode_base64url,
    generate_signing_key,
    read_signing_key,
    write_private_key,
)
from contracts.signing import Signer
from deploy.keys import KeyFileError, read_public_keys
from deploy.signing_keys import MARGIN
from deploy.state import State, write_secret

PRIVATE = "officer.key"
#: Where `public.json` holds the officer's word, by use.
WORDS = "countersignatures"
USES = ("signing", "sealing")


def ensure_officer(state: State, *, now: datetime) -> None:
    """A first officer, whom intake believes. Nothing is made where one is known already."""
    pinned = state.secrets / OFFICERS_FILE
    if pinned.exists():
        return
    private = generate_signing_key(os.urandom(KEY_BYTES))
    public = PublicKey(
        owner=OFFICER,
        use="signing",
        key=encode_base64url(private.public_key().public_bytes_raw()),
        valid_from=now - MARGIN,
    )
    state.officer.mkdir(exist_ok=True, mode=0o700)
    write_secret(state.officer / PRIVATE, write_private_key(private).decode())
    # Last: where the public half is, the private one was.
    write_secret(pinned, Keyring([public]).write())


def own_officer(state: State) -> Signer | None:
    """The officer's key, while it still lies in the state folder."""
    path = state.officer / PRIVATE
    return read_officer(path) if path.exists() else None


def read_officer(path: Path) -> Signer:
    """An officer's private key. Raises KeyFileError."""
    try:
        return Signer(read_signing_key(path.read_bytes()))
    except (OSError, ValueError):
        raise KeyFileError(f"{path.name}: is no officer's key") from None


def countersign_file(path: Path, officer: Signer) -> str:
    """Write the officer's word for both keys into a `public.json`; its code. Raises KeyFileError."""
    code = read_public_keys(path).code
    document = json.loads(path.read_text(encoding="utf-8"))
    words = {key.use: countersign(officer, key) for key in _keys(document)}
    path.write_text(json.dumps(document | {WORDS: words}, indent=2) + "\n", encoding="utf-8")
    return code


def check_file(path: Path, *, state: State, current: str | None, now: datetime) -> None:
    """Refuse keys that nobody proves, replaces in the owner's name or vouches for: KeyFileError.

    current: the signing key that the directory has of this organisation, if any.
    """
    document = json.loads(path.read_text(encoding="utf-8"))
    read_public_keys(path)
    own = document["signing"]
    if not is_proven(document, document.get(PROOF), by=own):
        raise KeyFileError(f"{path.name}: proof: is no signature by the signing key it names")
    if current not in (None, own) and not is_proven(document, document.get(PREVIOUS), by=current):
        raise KeyFileError(
            f"{path.name}: previous: replaces keys without the signature of the earlier one; make it"
            " with `siraba-partner renew`, or where that key is lost revoke the organisation first"
        )
    if own_officer(state) is None:
        _require_words(path, document, state=state, now=now)


def _require_words(path: Path, document: dict[str, Any], *, state: State, now: datetime) -> None:
    officers = Keyring.read((state.secrets / OFFICERS_FILE).read_bytes())
    words = document.get(WORDS, {})
    for key in _keys(document):
        if not is_countersigned(key, words.get(key.use), officers=officers, at=now):
            raise KeyFileError(
                f"{path.name}: {WORDS}.{key.use}: no word of a directory officer whom intake knows;"
                " see `siraba partner countersign`"
            )


def _keys(document: dict[str, Any]) -> Iterable[PublicKey]:
    for use in USES:
        yield PublicKey.model_validate(
            {"owner": document["code"], "use": use, "key": document[use], "valid_from": _ANY}
        )


_ANY = "2000-01-01T00:00:00Z"
