"""Why a public key is believed to be an organisation's own: its proof, and the officer's word.

`public.json` is signed with the signing key that it names, and with the one before it when keys are
replaced. Whoever takes over the service that owns the directory could still swap a recipient's key
for one of his own, so the service that seals believes a key only with the countersignature of a
directory officer, given away from the platform, whose public key was put beside its own secrets. And
where an organisation has lost the key before, the word of a second officer stands in its place: no
officer can alone take an organisation's letters over.
"""

from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime
from typing import Final

from contracts.keyring import Keyring, PublicKey
from contracts.signing import SignatureRefused, Signer, verify

#: The owner that officers' keys name.
OFFICER: Final = "DIRECTORY_OFFICER"
#: Where the officers' public keys lie among a service's secrets, as `Keyring.read` takes them.
OFFICERS_FILE: Final = "directory-officers.json"

#: What `public.json` holds of the keys, and its signatures by the new and by the earlier key.
PARTS: Final = ("code", "nkey", "signing", "sealing")
PROOF: Final = "proof"
PREVIOUS: Final = "previous"
_ANY: Final = datetime(2000, 1, 1, tzinfo=UTC)


def countersign(signer: Signer, key: PublicKey) -> str:
    """The officer's word for this key: who owns it and what it is for."""
    return signer.sign(_statement(key), kind="key")


def officers_behind(
    key: PublicKey, words: Iterable[str | None], *, officers: Keyring, at: datetime
) -> int:
    """How many different officers have given one of these words for this key.

    An officer is a key that is good at this moment: each has one.
    """
    found = set()
    for word in words:
        try:
            by = verify(word, _statement(key), kind="key", keys=officers, owner=OFFICER, at=at)
        except SignatureRefused:
            continue
        found.add(by.id)
    return len(found)


def prove(signer: Signer, document: Mapping[str, str]) -> str:
    """Sign the parts of a `public.json`, with the key that it names or the one before."""
    return signer.sign(_parts(document), kind="key")


def is_proven(document: Mapping[str, str], proof: str | None, *, by: str) -> bool:
    """Whether this is the signature by that key (base64url) of what the document holds."""
    key = PublicKey(owner=document["code"], use="signing", key=by, valid_from=_ANY)
    keys = Keyring([key])
    try:
        verify(proof, _parts(document), kind="key", keys=keys, owner=key.owner, at=_ANY)
    except SignatureRefused:
        return False
    return True


def vouched_by(
    document: Mapping[str, str], before: Iterable[PublicKey], *, at: datetime
) -> PublicKey | None:
    """The owner's key that counts and stands behind a `public.json`: it is in it, or has signed it.

    before: every key that the directory has ever had of this organisation.
    """
    good = [one for one in before if one.use == "signing" and one.counts(at)]
    for one in good:
        is_it = one.key == document["signing"]
        if is_it or is_proven(document, document.get(PREVIOUS), by=one.key):
            return one
    return None


def officers_needed(
    document: Mapping[str, str], before: Sequence[PublicKey], *, at: datetime
) -> int:
    """How many must vouch: a second one where keys come after others that do not sign them."""
    return 1 if not before or vouched_by(document, before, at=at) else 2


def _parts(document: Mapping[str, str]) -> bytes:
    return "".join(f"{name}:{document[name]}\n" for name in PARTS).encode()


def _statement(key: PublicKey) -> bytes:
    """The dates are the platform's: an end only ever makes a key count for less."""
    return f"owner:{key.owner}\nuse:{key.use}\nkey:{key.key}\n".encode()
