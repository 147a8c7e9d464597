"""That the tests of signatures and seals would notice: the same changes, one protection less."""

import base64
import json
from collections.abc import Callable

import pytest
from cryptography.exceptions import InvalidSignature
from joserfc.jwe import JWERegistry, decrypt_json
from joserfc.jwk import OKPKey

from contracts.envelope import SIGNATURE
from contracts.keyring import decode_base64url, encode_base64url
from contracts.sealing import Place, Sealed, open_sealed, seal
from contracts.signing import SignatureRefused, pre_authentication, signed_payload
from tests.contracts.letters import (
    INTAKE,
    INTAKE_KEY,
    SEALING_KEY,
    Accepts,
    Letter,
    a_letter,
    flips,
    public,
    signed,
    survivors,
)

pytestmark = pytest.mark.share("sealed")
PLACE = Place("m-1", "SHELTER_A", "case-1", ("G2",))
KEY = public(SEALING_KEY, owner="SHELTER_A", use="sealing")
SIGNED = sorted(name for name in a_letter().headers if name.startswith("ce-"))
Reads = Callable[[Letter], bytes]


def whole(letter: Letter) -> bytes:
    return signed_payload(letter.headers, letter.body, subject=letter.subject)


def without(name: str) -> Reads:
    """What a verifier checks that leaves out one part of the message."""

    def reads(letter: Letter) -> bytes:
        if name == "body":
            return whole(letter._replace(body=b""))
        if name == "subject":
            return whole(letter._replace(subject=""))
        return whole(letter._replace(headers=letter.headers | {name: ""}))

    return reads


def checking(reads: Reads, letter: Letter) -> tuple[Letter, Accepts]:
    """A message signed, and checked, over what `reads` takes of it."""
    payload_type = "application/vnd.siraba-1.event"
    signature = INTAKE_KEY.sign(pre_authentication(payload_type, reads(letter)))

    def accepts(bent: Letter) -> bool:
        try:
            INTAKE.verifier.verify(signature, pre_authentication(payload_type, reads(bent)))
        except (InvalidSignature, SignatureRefused):
            return False
        return True

    return letter, accepts


@pytest.mark.parametrize("name", [*SIGNED, "subject", "body"])
def test_a_verifier_that_skips_one_part_lets_that_part_be_changed(name: str) -> None:
    letter, accepts = checking(without(name), a_letter())

    assert accepts(letter)
    assert name in survivors(flips(letter), accepts)


def test_the_same_verifier_that_skips_nothing_lets_nothing_through() -> None:
    letter, accepts = checking(whole, a_letter())

    assert accepts(letter)
    assert survivors(flips(letter), accepts) == set()


def test_a_verifier_that_skips_spare_bits_takes_a_signature_in_sixteen_spellings() -> None:
    text = signed(a_letter()).headers[SIGNATURE].rpartition(".")[2]
    alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
    raw = decode_base64url(text)
    spellings = (text[:-1] + letter for letter in alphabet)

    lax = {text for text in spellings if base64.urlsafe_b64decode(text + "==") == raw}

    assert len(lax) == 16
    with pytest.raises(ValueError, match="canonical"):
        decode_base64url(next(iter(lax - {text})))


def opens_anywhere(sealed: Sealed) -> bytes:
    """What the library alone says to a sealed part."""
    registry = JWERegistry(verify_all_recipients=False, strict_check_header=False)
    opened = decrypt_json(
        json.loads(sealed.model_dump_json()), OKPKey.import_key(SEALING_KEY), registry=registry
    )
    return opened.plaintext or b""


def test_the_library_alone_opens_a_ciphertext_that_was_moved() -> None:
    sealed = seal(b"{}", PLACE, keys=[KEY])

    # It reads no place at all, so every place is right to it.
    assert opens_anywhere(sealed).startswith(b"{}\x80")
    assert open_sealed(sealed, PLACE, keys={KEY.id: SEALING_KEY}) == b"{}"


def test_the_library_alone_takes_a_point_in_two_spellings() -> None:
    said = json.loads(seal(b"{}", PLACE, keys=[KEY]).model_dump_json())
    point = said["recipients"][0]["header"]["epk"]
    raw = decode_base64url(point["x"])
    point["x"] = encode_base64url(raw[:31] + bytes([raw[31] ^ 0x80]))

    assert opens_anywhere(Sealed.read(json.dumps(said).encode())).startswith(b"{}\x80")
