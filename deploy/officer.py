"""The directory officer's key: made here for a first start, kept elsewhere from then on."""

import json
import os
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import datetime
from functools import partial
from pathlib import Path
from typing import Any

from contracts.countersigning import (
    OFFICER,
    OFFICERS_FILE,
    PROOF,
    countersign,
    is_proven,
    officers_behind,
    officers_needed,
)
from contracts.handed_over import SECOND_WORDS, USES, WORDS
from contracts.keyring import (
    KEY_BYTES,
    Keyring,
    KeyringRefused,
    PublicKey,
    encode_base64url,
    generate_signing_key,
    read_signing_key,
    write_private_key,
)
from contracts.signing import Signer, signer_named
from deploy.keys import KeyFileError, read_public_keys
from deploy.signing_keys import MARGIN
from deploy.state import State, write_secret

PRIVATE = "officer.key"
_Count = Callable[[PublicKey, Iterable[str]], int]


def ensure_officer(state: State, *, now: datetime) -> None:
    """A first officer, whom intake believes. Nothing is made where one is known already."""
    if (state.secrets / OFFICERS_FILE).exists():
        return
    state.officer.mkdir(exist_ok=True, mode=0o700)
    public = make_officer(state.officer / PRIVATE, now=now)
    # Last: where the public half is, the private one was.
    _pin(state, Keyring([public]))


def make_officer(path: Path, *, now: datetime) -> PublicKey:
    """A new officer's private key in this file; the public half. Raises KeyFileError over a file."""
    private = generate_signing_key(os.urandom(KEY_BYTES))
    try:
        with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
            file.write(write_private_key(private))
            os.fsync(file.fileno())
    except FileExistsError:
        raise KeyFileError(f"{path.name}: is there already; keys are never overwritten") from None
    return PublicKey(
        owner=OFFICER,
        use="signing",
        key=encode_base64url(private.public_key().public_bytes_raw()),
        valid_from=now - MARGIN,
    )


def officers_of(state: State) -> Keyring:
    """The officers whom intake believes, with those whose time is over."""
    path = state.secrets / OFFICERS_FILE
    return Keyring.read(path.read_bytes()) if path.exists() else Keyring()


def believe(state: State, keys: Iterable[PublicKey]) -> None:
    """Let intake believe these officers, or know that their time is over. Raises KeyFileError."""
    news = tuple(keys)
    if any((key.owner, key.use) != (OFFICER, "signing") for key in news):
        raise KeyFileError("owner: must be a directory officer's key to sign with")
    try:
        _pin(state, officers_of(state).with_news(news))
    except KeyringRefused as refused:
        raise KeyFileError(str(refused)) from None


def _pin(state: State, officers: Keyring) -> None:
    write_secret(state.secrets / OFFICERS_FILE, officers.write())


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


def read_public(path: Path) -> tuple[PublicKey, ...]:
    """What an officer hands over. Raises KeyFileError."""
    try:
        return Keyring.read(path.read_bytes()).keys
    except (OSError, ValueError, KeyringRefused):
        raise KeyFileError(f"{path.name}: holds no officer's public key") from None


def countersign_file(path: Path, officer: Signer) -> str:
    """Write the officer's word for both keys into a `public.json`; its code. Raises KeyFileError.

    Beside that of another officer, where one has vouched already.
    """
    code = read_public_keys(path).code
    document = json.loads(path.read_text(encoding="utf-8"))
    words = {key.use: countersign(officer, key) for key in _keys(document)}
    others = {signer_named(word) for word in document.get(WORDS, {}).values()} - {officer.key_id}
    place = SECOND_WORDS if others else WORDS
    path.write_text(json.dumps(document | {place: words}, indent=2) + "\n", encoding="utf-8")
    return code


def words_for(document: Mapping[str, Any], key: PublicKey, *, own: Signer | None) -> list[str]:
    """The officers' words for this key: as its file brings them, and that of one who is at hand."""
    brought = [document.get(place, {}).get(key.use) for place in (WORDS, SECOND_WORDS)]
    words = [word for word in brought if word is not None]
    if own is not None and own.key_id not in map(signer_named, words):
        words.append(countersign(own, key))
    return words


def check_file(
    path: Path,
    *,
    state: State,
    before: Sequence[PublicKey],
    now: datetime,
    is_by_page: bool = False,
) -> None:
    """Refuse keys that nobody proves, replaces in the owner's name or vouches for: KeyFileError.

    before: every key that the directory has ever had of this organisation. Where there are some, the
    one that counts must have signed the new ones, or two officers vouch for them. is_by_page: an
    officer who is at hand does not vouch for what a service brings, so the words must be in it.
    """
    document = json.loads(path.read_text(encoding="utf-8"))
    read_public_keys(path)
    own = document["signing"]
    if not is_proven(document, document.get(PROOF), by=own):
        raise KeyFileError(f"{path.name}: proof: is no signature by the signing key it names")
    current = {one.key for one in before if one.use == "signing" and one.counts(now)}
    if own in {one.key for one in before} - current:
        raise KeyFileError(f"{path.name}: signing: has ended: make new keys")
    needed = officers_needed(document, before, at=now)
    behind = partial(officers_behind, officers=officers_of(state), at=now)
    _require_words(
        path, document, own=None if is_by_page else own_officer(state), behind=behind, needed=needed
    )


def _require_words(
    path: Path, document: dict[str, Any], *, own: Signer | None, behind: _Count, needed: int
) -> None:
    for key in _keys(document):
        if behind(key, words_for(document, key, own=own)) >= needed:
            continue
        if needed == 1:
            raise KeyFileError(
                f"{path.name}: {WORDS}.{key.use}: no word of a directory officer whom intake knows;"
                " see `siraba partner countersign`"
            )
        raise KeyFileError(
            f"{path.name}: previous: replaces keys without the signature of the earlier one; make it"
            " with `siraba-partner renew`, or where that key is lost have two officers vouch for it"
        )


def _keys(document: dict[str, Any]) -> Iterable[PublicKey]:
    for use in USES:
        yield PublicKey.model_validate(
            {"owner": document["code"], "use": use, "key": document[use], "valid_from": _ANY}
        )


_ANY = "2000-01-01T00:00:00Z"
