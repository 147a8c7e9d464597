"""Opens what was sealed to this organisation: section → field → text, and nothing for anybody else."""

from collections.abc import Iterable, Mapping
from typing import TypeAlias

from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey
from pydantic import TypeAdapter

from contracts.envelope import Envelope, Rejected
from contracts.feed import DossierDisclosed
from contracts.keyring import key_id
from contracts.sealing import Place, SealingRefused, open_sealed
from partners.kit.keys import Keys

Dossier: TypeAlias = Mapping[str, Mapping[str, str]]
_DOSSIER = TypeAdapter(dict[str, dict[str, str]])


def open_dossier(message: DossierDisclosed, envelope: Envelope, *, keys: Keys) -> Dossier:
    """What the organisation may know of the person. Raises `Rejected`, which never says what it held."""
    place = Place(str(envelope.id), keys.code, envelope.subject, message.sections)
    try:
        content = open_sealed(message.sealed, place, keys=_by_id((keys.sealing, *keys.earlier)))
        return _DOSSIER.validate_json(content)
    except SealingRefused as refused:
        raise Rejected(refused.reason, field="sealed") from None
    except ValueError:
        raise Rejected("malformed", field="sealed") from None


def _by_id(keys: Iterable[X25519PrivateKey]) -> dict[str, X25519PrivateKey]:
    return {key_id(key.public_key().public_bytes_raw()): key for key in keys}
