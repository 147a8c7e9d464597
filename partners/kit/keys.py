"""A partner's three private keys: made here, kept here, and only their public halves handed over."""

import json
import os
import stat
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import nkeys  # type: ignore[import-untyped]  # the package ships no type information
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey

from contracts.countersigning import PROOF, prove
from contracts.keyring import (
    Keyring,
    KeyringRefused,
    PublicKey,
    encode_base64url,
    generate_sealing_key,
    generate_signing_key,
    read_sealing_key,
    read_signing_key,
    write_private_key,
)
from contracts.signing import Signer
from contracts.topology import organisation_code
from partners.kit.edge import SYSTEM, Edge
from partners.kit.errors import KeysRefused

PUBLIC = "public.json"
SEED = "nkey.seed"
SIGNING = "signing.key"
SEALING = "sealing.key"
PRIVATE = (SEED, SIGNING, SEALING)
#: Sealing keys that were replaced; each may go once nothing is under way that needs it.
EARLIER = "sealing-*.key"
#: What the platform hands over in exchange for `public.json`: whose signatures to believe.
PLATFORM = "platform-keys.json"


@dataclass(frozen=True, slots=True, kw_only=True, repr=False)
class Keys:
    """An organisation's keys; without a repr, so that no log can show them."""

    code: str
    seed: str
    signing: Ed25519PrivateKey
    sealing: X25519PrivateKey
    #: What was sealed to before, for messages that were under way.
    earlier: tuple[X25519PrivateKey, ...] = ()

    def public(self) -> dict[str, str]:
        """What the platform may know: code, NATS user key, raw public keys as base64url."""
        return {
            "code": self.code,
            "nkey": nkeys.from_seed(bytearray(self.seed.encode())).public_key.decode(),
            "signing": encode_base64url(self.signing.public_key().public_bytes_raw()),
            "sealing": encode_base64url(self.sealing.public_key().public_bytes_raw()),
        }


def init(folder: Path, *, code: str, edge: Edge = SYSTEM) -> Keys:
    """Make the keys of organisation `code` in `folder`.

    The folder becomes 0700, each private file 0600. Raises `KeysRefused` for a code that cannot
    be an organisation's, and rather than replace any file: an old key may still be in use.
    """
    keys = _make(_checked(code), edge)
    _prepare(folder)
    _write(folder / SEED, keys.seed.encode())
    _write(folder / SIGNING, write_private_key(keys.signing))
    _write(folder / SEALING, write_private_key(keys.sealing))
    # Last, so that its presence says that the set is complete.
    public = keys.public()
    public[PROOF] = prove(Signer(keys.signing), public)
    _write(folder / PUBLIC, json.dumps(public, indent=2).encode() + b"\n", mode=0o644)
    return keys


def load(folder: Path, *, code: str | None = None) -> Keys:
    """The keys in `folder`, if only its owner can read them and they belong together.

    Raises `KeysRefused`, also when `code` is given and the folder holds another organisation's.
    """
    published = _published(folder)
    if code is not None and published.get("code") != code:
        raise KeysRefused(f"{folder} holds the keys of another organisation than {code}")
    keys = Keys(
        code=_checked(published.get("code", "")),
        seed=_read_private(folder / SEED).decode("ascii", "replace").strip(),
        signing=_load_signing(folder / SIGNING),
        sealing=_load_sealing(folder / SEALING),
        earlier=tuple(_load_sealing(path) for path in sorted(folder.glob(EARLIER))),
    )
    _check_halves(folder, keys, published)
    return keys


class PlatformKeys:
    """Whose signatures to believe: what the platform handed over and has told of since.

    One file, read again when it is replaced: whoever replaces it by hand takes out what it does not
    hold. Raises `KeysRefused` for a file that is missing or unreadable: nobody could be believed.
    """

    def __init__(self, folder: Path):
        self._folder = folder
        self._seen: int | None = None
        self._ring = Keyring()
        self.ring()

    def ring(self) -> Keyring:
        """The keys as they are now."""
        path = self._folder / PLATFORM
        seen = path.stat().st_mtime_ns if path.exists() else None
        if seen is None or seen != self._seen:
            self._ring, self._seen = load_platform(self._folder), seen
        return self._ring

    def learn(self, keys: Iterable[PublicKey], *, signer: str) -> None:
        """Keep what a verified message told, signed by the key with this id, on disk.

        Raises `KeyringRefused` for what contradicts a known key.
        """
        known = self.ring()
        told = known.with_word_of(signer, keys)
        if told.keys == known.keys:
            return
        draft = self._folder / f".{PLATFORM}"
        draft.unlink(missing_ok=True)
        _write(draft, told.write().encode())
        draft.replace(self._folder / PLATFORM)
        _keep_names(self._folder)
        self._ring = told


def require(folder: Path) -> None:
    """Raises `KeysRefused`, which says how to name the folder, where there are no keys."""
    _published(folder)


def load_platform(folder: Path) -> Keyring:
    """The platform's public keys. Raises `KeysRefused` without them."""
    try:
        return Keyring.read((folder / PLATFORM).read_bytes())
    except FileNotFoundError:
        raise KeysRefused(
            f"{folder / PLATFORM} is missing: ask the platform's operator for it (`siraba keys show`)"
        ) from None
    except (OSError, ValueError, KeyringRefused):
        raise KeysRefused(f"{folder / PLATFORM} does not hold the platform's keys") from None


def _make(code: str, edge: Edge) -> Keys:
    return Keys(
        code=code,
        seed=nkeys.encode_seed(edge.random(32), nkeys.PREFIX_BYTE_USER).decode(),
        signing=generate_signing_key(edge.random(32)),
        sealing=generate_sealing_key(edge.random(32)),
    )


def _checked(code: str) -> str:
    try:
        return organisation_code(code)
    except ValueError as error:
        raise KeysRefused(str(error)) from None


def _prepare(folder: Path) -> None:
    taken = [name for name in (*PRIVATE, PUBLIC) if os.path.lexists(folder / name)]
    if taken:
        raise KeysRefused(f"{folder} already has {', '.join(taken)}; keys are never overwritten")
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    folder.chmod(0o700)


def _write(path: Path, content: bytes, *, mode: int = 0o600) -> None:
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode)
    with os.fdopen(descriptor, "wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())


def _keep_names(folder: Path) -> None:
    """After a power cut the folder names the new file; Windows sees to that by itself."""
    if os.name == "posix":
        descriptor = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)


def _published(folder: Path) -> dict[str, str]:
    try:
        content = json.loads((folder / PUBLIC).read_bytes())
    except FileNotFoundError:
        raise KeysRefused(
            f"{folder} has no {PUBLIC}: name the folder of your keys by --dir or SIRABA_DIR, or make"
            " your first ones with `siraba-partner init`"
        ) from None
    except (ValueError, RecursionError):
        content = None
    if not isinstance(content, dict):
        raise KeysRefused(f"{folder / PUBLIC} is not a JSON object")
    return {str(name): str(value) for name, value in content.items()}


def _read_private(path: Path) -> bytes:
    try:
        mode = path.stat().st_mode
    except FileNotFoundError:
        raise KeysRefused(f"{path} is missing: restore it, or make new keys elsewhere") from None
    # Windows has no such bits; everywhere else a key others can read is no longer a secret.
    if os.name == "posix" and stat.S_IMODE(mode) & 0o077:
        raise KeysRefused(f"{path} can be read by others: run `chmod 600 {path}`, then try again")
    return path.read_bytes()


def _load_signing(path: Path) -> Ed25519PrivateKey:
    try:
        return read_signing_key(_read_private(path))
    except ValueError:
        raise KeysRefused(f"{path} is not an Ed25519 private key") from None


def _load_sealing(path: Path) -> X25519PrivateKey:
    try:
        return read_sealing_key(_read_private(path))
    except ValueError:
        raise KeysRefused(f"{path} is not an X25519 private key") from None


def _check_halves(folder: Path, keys: Keys, published: dict[str, str]) -> None:
    try:
        real = keys.public()
    except (nkeys.NkeysError, ValueError):
        raise KeysRefused(f"{folder / SEED} is not an nkey seed") from None
    wrong = [name for name in real if published.get(name) != real[name]]
    if wrong:
        raise KeysRefused(f"{folder / PUBLIC}: {', '.join(wrong)} is not the half of the key here")
