"""A dossier in clear where a sealed one stands, for the chains that are measured without sealing."""

from collections.abc import Sequence

from contracts.keyring import PublicKey, decode_base64url, encode_base64url
from contracts.sealing import EphemeralKey, Place, Recipient, RecipientHeader, Sealed

#: Nobody's key: whoever expects a sealed part cannot take this for one.
NOBODY = Recipient(
    header=RecipientHeader(kid="0" * 16, epk=EphemeralKey(kty="OKP", crv="X25519", x="A" * 43)),
    encrypted_key="A" * 54,
)


def write_clear(content: bytes, place: Place, *, keys: Sequence[PublicKey] = ()) -> Sealed:
    """Called like `contracts.sealing.seal`; the content as it is, not padded, for everybody."""
    return Sealed(
        protected=encode_base64url(place.message_id.encode()),
        recipients=(NOBODY,),
        iv="A" * 16,
        ciphertext=encode_base64url(content),
        tag="A" * 22,
    )


def read_clear(sealed: Sealed) -> bytes:
    """The content back. Raises ValueError for what somebody did seal."""
    if sealed.recipients != (NOBODY,):
        raise ValueError("sealed")
    return decode_base64url(sealed.ciphertext)
