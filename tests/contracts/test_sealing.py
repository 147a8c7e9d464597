import json
import random
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey
from hypothesis import given, settings
from hypothesis import strategies as st
from joserfc.jwe import GeneralJSONEncryption, JWERegistry, encrypt_json
from joserfc.jwk import ECKey, Key, OctKey, OKPKey
from joserfc.registry import HeaderParameter
from jwcrypto.jwe import JWE  # type: ignore[import-untyped]  # the package ships no types
from jwcrypto.jwk import JWK  # type: ignore[import-untyped]  # the package ships no types

from contracts.keyring import PublicKey, decode_base64url, encode_base64url, generate_sealing_key
from contracts.sealing import (
    BLOCK_BYTES,
    MAX_BYTES,
    MAX_RECIPIENTS,
    Place,
    Sealed,
    SealingRefused,
    open_sealed,
    seal,
)
from tests.builders import CANARY
from tests.contracts.letters import OTHER_SEALING_KEY, SEALING_KEY, public, with_bit_flipped
from tests.ledger import Form

pytestmark = pytest.mark.share("sealed")
VECTOR = Path(__file__).parent / "vectors" / "sealed-by-jwcrypto.json"
PLACE = Place("m-1", "SHELTER_A", "case-1", ("G2", "G5"))
HEADER = {
    "alg": "ECDH-ES+A256KW",
    "enc": "A256GCM",
    "cty": "json",
    "siraba": "siraba-1",
    "message": "m-1",
    "to": "SHELTER_A",
    "case": "case-1",
    "sections": ["G2", "G5"],
}
ALGORITHMS = ["ECDH-ES+A256KW", "A256GCM"]


def sealing(key: X25519PrivateKey) -> PublicKey:
    return public(key, owner="SHELTER_A", use="sealing")


MINE, OTHER = sealing(SEALING_KEY), sealing(OTHER_SEALING_KEY)
PRIVATE = {MINE.id: SEALING_KEY}


def refusal(sealed: Sealed, place: Place = PLACE, **changes: Any) -> str:
    with pytest.raises(SealingRefused) as refused:
        open_sealed(sealed, place, **{"keys": PRIVATE} | changes)
    return refused.value.reason


def opens(text: bytes) -> bool:
    try:
        open_sealed(Sealed.read(text), PLACE, keys=PRIVATE)
    except SealingRefused:
        return False
    return True


def changed(sealed: Sealed, **members: Any) -> bytes:
    return json.dumps(sealed.model_dump(mode="json") | members).encode()


def padded(content: bytes) -> bytes:
    return content + b"\x80" + b"\0" * (-(len(content) + 1) % BLOCK_BYTES)


def sealed_elsewhere(
    header: dict[str, Any] | None = None,
    plaintext: bytes = padded(b"{}"),
    *,
    key: Key | None = None,
    recipient: dict[str, Any] | None = None,
    **more: Any,
) -> dict[str, Any]:
    """A good JWE by a sender who asks nobody what we take."""
    registry = JWERegistry(
        {name: HeaderParameter(name, lambda _: None) for name in (*HEADER, "crit", "exp", "jwk")},
        strict_check_header=False,
        algorithms=[*JWERegistry.algorithms["alg"], *JWERegistry.algorithms["enc"], "DEF"],
    )
    jwe = GeneralJSONEncryption(HEADER if header is None else header, plaintext, **more)
    own = {"kid": MINE.id} if recipient is None else recipient
    jwe.add_recipient(own, key or OKPKey.import_key(SEALING_KEY.public_key()))
    said: dict[str, Any] = dict(encrypt_json(jwe, None, registry=registry))
    return said


def read(said: dict[str, Any]) -> Sealed:
    return Sealed.read(json.dumps(said).encode())


def test_x25519_agrees_as_in_rfc_8037() -> None:
    # Appendix A.6: Bob's key, and the secret the two agree on.
    bob = {"kty": "OKP", "crv": "X25519", "x": "3p7bfXt9wbTTW2HC7OQ1Nz-DQ8hbeGdNrfx-FG-IK08"}
    secret = "4a5d9d5ba4ce2de1728e3bf480350f25e07e21c947d19e3376f09b3c1e161742"

    assert MINE.key == bob["x"]
    assert OTHER.key == "hSDwCYkwp1R0i33ctD73Wg2_Og0mOBr066SpjqqbTmo"
    agreed = OKPKey.import_key(OTHER_SEALING_KEY).exchange_derive_key(OKPKey.import_key(bob))  # type: ignore[arg-type]  # this is a plain JWK
    assert agreed.hex() == secret


def test_what_another_library_sealed_for_good_is_opened() -> None:
    vector = json.loads(VECTOR.read_text(encoding="utf-8"))
    place = Place(**vector["place"] | {"sections": tuple(vector["place"]["sections"])})
    sealed = read(vector["sealed"])

    for key in (SEALING_KEY, OTHER_SEALING_KEY):
        opened = open_sealed(sealed, place, keys={sealing(key).id: key})
        assert opened.decode() == vector["content"]


@given(st.binary(max_size=9000))
@settings(max_examples=30)
def test_another_library_reads_what_we_seal_and_we_what_it_seals(content: bytes) -> None:
    theirs = JWE(algs=ALGORITHMS)
    theirs.deserialize(
        seal(content, PLACE, keys=[OTHER, MINE]).model_dump_json(), JWK.from_pyca(SEALING_KEY)
    )
    assert theirs.payload == padded(content)

    theirs = JWE(padded(content), json.dumps(HEADER, separators=(",", ":")), algs=ALGORITHMS)
    theirs.add_recipient(JWK.from_pyca(SEALING_KEY.public_key()), json.dumps({"kid": MINE.id}))
    theirs.add_recipient(
        JWK.from_pyca(OTHER_SEALING_KEY.public_key()), json.dumps({"kid": OTHER.id})
    )
    assert open_sealed(read(json.loads(theirs.serialize())), PLACE, keys=PRIVATE) == content


@given(
    st.one_of(
        st.binary(max_size=200),
        st.sampled_from([b"", b"\x80", b"\0", b"\x80\0\0", b"a" * 4095, b"a" * 4096, b"\0" * 8191]),
    )
)
def test_whatever_is_sealed_comes_back_the_same(content: bytes) -> None:
    sealed = seal(content, PLACE, keys=[MINE])

    assert (
        open_sealed(Sealed.read(sealed.model_dump_json().encode()), PLACE, keys=PRIVATE) == content
    )


@given(st.integers(0, 3 * BLOCK_BYTES), st.integers(0, 3 * BLOCK_BYTES))
@settings(max_examples=20)
def test_the_length_says_only_how_many_blocks(one: int, other: int) -> None:
    lengths = [
        len(decode_base64url(seal(b"x" * n, PLACE, keys=[MINE]).ciphertext)) for n in (one, other)
    ]

    assert lengths == [(n // BLOCK_BYTES + 1) * BLOCK_BYTES for n in (one, other)]


def test_the_same_content_never_looks_the_same_twice() -> None:
    one, two = (seal(b"same", PLACE, keys=[MINE]) for _ in range(2))

    assert one.iv != two.iv
    assert one.ciphertext != two.ciphertext
    assert one.recipients[0].header.epk != two.recipients[0].header.epk


def test_every_single_bit_of_a_sealed_part_counts(form: Form) -> None:
    text = seal(CANARY.encode(), PLACE, keys=[MINE]).model_dump_json().encode()
    start = text.index(b'"ciphertext"')
    end = text.index(b'"tag"')
    # One block is 5,462 letters that count alike: the short form bends one bit of each.
    tried = [
        (at, bit)
        for at in range(len(text))
        for bit in range(8)
        if form.pick(short=at % 6 == bit, long=True) or not start + 20 < at < end - 20
    ]

    assert opens(text)
    assert [place for place in tried if opens(with_bit_flipped(text, *place))] == []


@given(st.binary(max_size=3 * BLOCK_BYTES), st.randoms(use_true_random=False))
@settings(max_examples=25, deadline=None)
def test_a_bit_flipped_anywhere_in_any_sealed_part_is_refused(
    content: bytes, choice: random.Random
) -> None:
    text = seal(content, PLACE, keys=[MINE]).model_dump_json().encode()

    assert opens(text)
    for _ in range(40):
        at, bit = choice.randrange(len(text)), choice.randrange(8)
        assert not opens(with_bit_flipped(text, at, bit))


@pytest.mark.parametrize(
    "elsewhere",
    [
        PLACE._replace(message_id="m-2"),
        PLACE._replace(recipient="SHELTER_B"),
        PLACE._replace(case="case-2"),
        PLACE._replace(sections=("G2",)),
        PLACE._replace(sections=("G5", "G2")),
        PLACE._replace(sections=()),
        PLACE._replace(case="m-1", message_id="case-1"),
    ],
)
def test_a_ciphertext_moved_to_another_place_does_not_open(elsewhere: Place) -> None:
    sealed = seal(b"{}", PLACE, keys=[MINE])

    assert refusal(sealed, elsewhere) == "wrong_place"


def test_neither_a_swapped_ciphertext_nor_a_swapped_header_opens() -> None:
    one = seal(b"one", PLACE, keys=[MINE])
    two = seal(b"two", PLACE._replace(case="case-2"), keys=[MINE])
    taken = ("ciphertext", "iv", "tag", "recipients")

    moved = one.model_copy(update={name: getattr(two, name) for name in taken})
    assert refusal(moved) == "undecryptable"
    for name in taken:
        assert refusal(one.model_copy(update={name: getattr(two, name)})) == "undecryptable"
    assert refusal(one.model_copy(update={"protected": two.protected})) == "wrong_place"


def test_nobody_else_opens_it() -> None:
    sealed = seal(b"{}", PLACE, keys=[MINE])

    assert refusal(sealed, keys={}) == "wrong_key"
    assert refusal(sealed, keys={OTHER.id: OTHER_SEALING_KEY}) == "wrong_key"
    assert refusal(sealed, keys={MINE.id: OTHER_SEALING_KEY}) == "undecryptable"


def test_while_keys_rotate_either_opens() -> None:
    sealed = seal(b"{}", PLACE, keys=[MINE, OTHER])

    for key in (SEALING_KEY, OTHER_SEALING_KEY):
        assert open_sealed(sealed, PLACE, keys={sealing(key).id: key}) == b"{}"
    both = PRIVATE | {OTHER.id: OTHER_SEALING_KEY}
    assert open_sealed(sealed, PLACE, keys=both) == b"{}"


def test_nothing_is_sealed_to_a_key_of_another_owner_or_use() -> None:
    for key in (
        public(SEALING_KEY, owner="SHELTER_B", use="sealing"),
        MINE.model_copy(update={"use": "signing"}),
    ):
        with pytest.raises(SealingRefused, match="wrong_key"):
            seal(b"{}", PLACE, keys=[MINE, key])


@pytest.mark.parametrize(
    "keys",
    [[], [sealing(generate_sealing_key(bytes([n]) * 32)) for n in range(MAX_RECIPIENTS + 1)]],
)
def test_too_few_or_too_many_keys_are_refused(keys: list[PublicKey]) -> None:
    with pytest.raises(SealingRefused, match="too_large"):
        seal(b"{}", PLACE, keys=keys)


def test_a_place_too_long_for_a_header_is_refused_and_not_repeated() -> None:
    with pytest.raises(SealingRefused) as refused:
        seal(b"{}", PLACE._replace(case=CANARY * 50), keys=[MINE])

    assert str(refused.value) == "too_large"


def test_a_key_is_sealed_to_once() -> None:
    with pytest.raises(SealingRefused, match="wrong_key"):
        seal(b"{}", PLACE, keys=[MINE, MINE])


def test_more_recipients_than_we_take_are_refused() -> None:
    sealed = seal(b"{}", PLACE, keys=[MINE])
    others = [
        {"header": {"kid": f"{n:016x}", "epk": sealed.recipients[0].header.epk.model_dump()},
         "encrypted_key": sealed.recipients[0].encrypted_key}
        for n in range(MAX_RECIPIENTS)
    ]  # fmt: skip
    mine = sealed.recipients[0].model_dump()

    assert opens(changed(sealed, recipients=[mine, *others[1:]]))
    assert not opens(changed(sealed, recipients=[mine, *others]))
    assert not opens(changed(sealed, recipients=[]))


def test_a_key_named_twice_is_refused() -> None:
    sealed = seal(b"{}", PLACE, keys=[MINE])

    assert refusal(sealed.model_copy(update={"recipients": sealed.recipients * 2})) == "malformed"


def test_the_largest_content_fits_and_one_byte_more_does_not() -> None:
    largest = b"x" * (MAX_BYTES - 1)

    assert open_sealed(seal(largest, PLACE, keys=[MINE]), PLACE, keys=PRIVATE) == largest
    with pytest.raises(SealingRefused, match="too_large"):
        seal(largest + b"x", PLACE, keys=[MINE])


@pytest.mark.parametrize(
    "plaintext",
    [
        b"",
        b"{}",
        b"{}\x80",
        b"\0" * BLOCK_BYTES,
        b"x" * BLOCK_BYTES,
        padded(b"{}") + b"\0" * BLOCK_BYTES,
    ],
)
def test_padding_that_is_not_the_only_one_is_refused(plaintext: bytes) -> None:
    if not plaintext:
        with pytest.raises(SealingRefused):
            read(sealed_elsewhere(plaintext=plaintext))
    else:
        assert refusal(read(sealed_elsewhere(plaintext=plaintext))) == "malformed"


@pytest.mark.parametrize(
    "header",
    [
        HEADER | {"crit": ["exp"], "exp": 1},
        HEADER | {"crit": []},
        HEADER | {"crit": ["alg"]},
        HEADER | {"jwk": {"kty": "OKP", "crv": "X25519", "x": OTHER.key}},
        HEADER | {"jku": "https://example.org/keys"},
        HEADER | {"x5u": "https://example.org/keys"},
        HEADER | {"zip": "DEF"},
        HEADER | {"kid": MINE.id},
        HEADER | {"apu": "QQ"},
        HEADER | {"enc": "A128GCM"},
        HEADER | {"enc": "A256CBC-HS512"},
        HEADER | {"alg": "ECDH-ES+A128KW"},
        HEADER | {"alg": "ECDH-ES"},
        HEADER | {"siraba": "siraba-0"},
        HEADER | {"cty": "jwt"},
        {name: value for name, value in HEADER.items() if name != "cty"},
    ],
    ids=lambda header: (
        ",".join(f"{n}={v}" for n, v in header.items() if HEADER.get(n) != v) or "less"
    ),
)
def test_another_suite_is_refused_however_well_it_is_sealed(header: dict[str, Any]) -> None:
    said = sealed_elsewhere(header)
    ours = seal(b"{}", PLACE, keys=[MINE])

    assert refusal(ours.model_copy(update={"protected": said["protected"]})) == "wrong_suite"
    assert not opens(json.dumps(said).encode())


@pytest.mark.parametrize(
    "alg", ["none", "dir", "A256KW", "RSA1_5", "PBES2-HS256+A128KW", "", None, 1]
)
def test_an_algorithm_of_old_attacks_is_refused(alg: Any) -> None:
    header = encode_base64url(json.dumps(HEADER | {"alg": alg}, separators=(",", ":")).encode())

    assert (
        refusal(seal(b"{}", PLACE, keys=[MINE]).model_copy(update={"protected": header}))
        == "wrong_suite"
    )


def test_a_direct_key_that_both_know_is_refused() -> None:
    said = sealed_elsewhere(
        HEADER | {"alg": "dir"}, key=OctKey.import_key(b"k" * 32), recipient={"kid": MINE.id}
    )

    assert not opens(json.dumps(said).encode())


def test_an_ephemeral_key_on_another_curve_is_refused() -> None:
    curve = ECKey.generate_key("P-256")
    said = sealed_elsewhere(key=curve)

    assert said["recipients"][0]["header"]["epk"]["crv"] == "P-256"
    assert not opens(json.dumps(said).encode())


def test_members_outside_the_suite_are_refused_where_nothing_protects_them() -> None:
    sealed = seal(b"{}", PLACE, keys=[MINE])
    header = sealed.recipients[0].header.model_dump()

    def with_header(**more: Any) -> bytes:
        part = sealed.recipients[0].model_dump() | {"header": header | more}
        return changed(sealed, recipients=[part])

    assert opens(with_header())
    assert not opens(with_header(alg="ECDH-ES+A256KW"))
    assert not opens(with_header(crit=["x"], x=1))
    assert not opens(with_header(jwk=header["epk"]))
    assert not opens(with_header(jku="https://example.org/keys"))
    assert not opens(with_header(apu="QQ"))
    assert not opens(with_header(epk=header["epk"] | {"d": "A" * 43}))
    assert not opens(with_header(epk=header["epk"] | {"crv": "X448"}))
    assert not opens(changed(sealed, unprotected={"zip": "DEF"}))
    assert not opens(changed(sealed, unprotected={}))
    assert not opens(changed(sealed, aad="QQ"))
    assert not opens(changed(sealed, header={"kid": MINE.id}))


@pytest.mark.parametrize("spelling", ["high bit", "plus the prime", "zero"])
def test_a_point_has_one_spelling_and_zero_is_none(spelling: str) -> None:
    sealed = seal(b"{}", PLACE, keys=[MINE])
    raw = decode_base64url(sealed.recipients[0].header.epk.x)
    x = {
        "high bit": raw[:31] + bytes([raw[31] | 0x80]),
        "plus the prime": (2**255 - 19).to_bytes(32, "little"),
        "zero": bytes(32),
    }[spelling]
    part = sealed.recipients[0].model_dump()
    part["header"]["epk"]["x"] = encode_base64url(x)

    assert not opens(changed(sealed, recipients=[part]))


def test_a_member_that_comes_twice_is_refused() -> None:
    text = seal(b"{}", PLACE, keys=[MINE]).model_dump_json()
    for member in ('"tag":"', '"kid":"', '"crv":"', '"recipients":['):
        start = text.index(member)
        end = text.index("]" if member.endswith("[") else '"', start + len(member)) + 1
        twice = text[:start] + text[start:end] + "," + text[start:]
        assert json.loads(twice)
        with pytest.raises(SealingRefused, match="malformed"):
            Sealed.read(twice.encode())


@pytest.mark.parametrize(
    "text",
    [
        '{"alg":"none",' + json.dumps(HEADER, separators=(",", ":"))[1:],
        json.dumps(HEADER),
        json.dumps(HEADER, separators=(",", ":")) + " ",
        json.dumps(HEADER, separators=(",", ":")).replace("json", "\\u006ason"),
        "[]", "null", "", "{", "[" * 700,
    ],
)  # fmt: skip
def test_a_protected_header_has_one_spelling(text: str) -> None:
    sealed = seal(b"{}", PLACE, keys=[MINE])
    protected = encode_base64url(text.encode())

    assert refusal(sealed.model_copy(update={"protected": protected})) in (
        "malformed",
        "wrong_suite",
    )


def test_a_protected_header_may_have_its_members_in_any_order() -> None:
    turned = dict(reversed(HEADER.items()))

    assert open_sealed(read(sealed_elsewhere(turned)), PLACE, keys=PRIVATE) == b"{}"


@pytest.mark.parametrize("text", [b"", b"\xff", b"[]", b"null", b'"eyJ.a.b.c.d"', b"[" * 100_000])
def test_what_is_no_jwe_of_ours_is_malformed(text: bytes) -> None:
    with pytest.raises(SealingRefused, match="malformed"):
        Sealed.read(text)


@given(
    st.dictionaries(
        st.sampled_from(["protected", "tag", "iv", "recipients"]), st.text(max_size=40), min_size=1
    )
)
def test_a_refusal_never_repeats_what_was_sealed_or_said(members: dict[str, str]) -> None:
    sealed = seal(CANARY.encode(), PLACE, keys=[MINE])
    bent = {name: text + CANARY for name, text in members.items()}
    with pytest.raises(SealingRefused) as refused:
        Sealed.read(changed(sealed, **bent))

    assert str(refused.value) == "malformed"
    assert refused.value.__suppress_context__
