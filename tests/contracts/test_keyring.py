import json
from contextlib import suppress
from datetime import datetime, timedelta
from typing import Any

import pytest
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    PrivateFormat,
)
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from contracts.keyring import (
    Keyring,
    KeyringRefused,
    PublicKey,
    decode_base64url,
    encode_base64url,
    generate_sealing_key,
    generate_signing_key,
    key_id,
    owner_of,
    read_sealing_key,
    read_signing_key,
    write_private_key,
)
from tests.builders import CANARY
from tests.contracts.letters import INTAKE, INTAKE_KEY, NOON, SEALING_KEY, SHELTER, public

pytestmark = pytest.mark.share("sealed")
HOUR = timedelta(hours=1)
SEALING = public(SEALING_KEY, owner="SHELTER_A", use="sealing")
# RFC 7748 §6.1 forbids what these agree on: it is the same for everybody.
SMALL_ORDER = [
    "00" * 32,
    "01" + "00" * 31,
    "ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
    "e0eb7a7c3b41b8ae1656e3faf19fc46ada098deb9c32b1fd866205165f49b800",
    "5f9c95bca3508c24b1d0b1559c83ef5b04445cc4581c8e86d8224eddd09f1157",
]

# The points of order 1, 2, 4 and 8 on the curve that signs, each with either sign.
SMALL_ORDER_EDWARDS = [
    "01" + "00" * 31,
    "ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
    "00" * 32,
    "26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05",
    "c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac037a",
]


def a_file(**changes: Any) -> str:
    key: dict[str, Any] = {
        "owner": "SHELTER_A",
        "use": "signing",
        "key": SHELTER.key,
        "valid_from": "2026-11-24T12:00:00Z",
    }
    return json.dumps({"keys": [key | changes]})


def test_a_key_is_named_by_the_digest_of_its_bytes() -> None:
    # SHA-256 of RFC 8032's first public key.
    assert INTAKE.id == key_id(INTAKE_KEY.public_key().public_bytes_raw()) == "21fe31dfa154a261"


def test_a_keyring_comes_back_from_its_file_the_same() -> None:
    ring = Keyring([INTAKE, SHELTER, SEALING]).with_news(
        [INTAKE.model_copy(update={"suspect_from": NOON})]
    )

    assert Keyring.read(ring.write()).write() == ring.write()


def test_a_key_read_from_a_file_is_the_one_that_was_meant() -> None:
    assert Keyring.read(a_file()).get(SHELTER.id, use="signing") == SHELTER
    assert Keyring.read(a_file()).get(SHELTER.id, use="sealing") is None


@pytest.mark.parametrize(
    "changes",
    [
        {"owner": "nobody"},
        {"owner": "PLATFORM"},
        {"owner": ""},
        {"use": "anything"},
        {"key": SHELTER.key + "="},
        {"key": SHELTER.key[:-1]},
        {"key": SHELTER.key[:-1] + "9"},
        {"key": "/" + SHELTER.key[1:]},
        {"key": ""},
        {"key": "\u0661" * 43},
        {"valid_from": "2026-11-24T12:00:00"},
        {"valid_from": None},
        {"id": "21fe31dfa154a261"},
    ],
)
def test_a_file_with_anything_odd_is_refused_and_not_repeated(changes: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        Keyring.read(a_file(**changes))
    with pytest.raises(ValidationError) as refused:
        Keyring.read(a_file(**changes | {"owner": CANARY}))

    assert CANARY not in str(refused.value)


@pytest.mark.parametrize("point", SMALL_ORDER_EDWARDS)
def test_a_signing_key_under_which_anything_is_signed_is_refused(point: str) -> None:
    raw = bytes.fromhex(point)
    for spelling in (raw, raw[:31] + bytes([raw[31] ^ 0x80])):
        with pytest.raises(ValidationError):
            Keyring.read(a_file(key=encode_base64url(spelling)))


@pytest.mark.parametrize("point", SMALL_ORDER)
def test_a_sealing_key_that_would_agree_with_everybody_is_refused(point: str) -> None:
    key = encode_base64url(bytes.fromhex(point))
    with pytest.raises(ValidationError):
        Keyring.read(a_file(use="sealing", key=key))


def test_keys_are_never_deleted_and_only_end() -> None:
    ring = Keyring([INTAKE, SHELTER])
    ended = INTAKE.model_copy(update={"valid_until": NOON + HOUR})

    news = ring.with_news([ended])

    assert news.get(INTAKE.id, use="signing") == ended
    assert ring.get(INTAKE.id, use="signing") == INTAKE
    assert news.get(SHELTER.id, use="signing") == SHELTER
    assert news.with_news([ended]).write() == news.write()


@pytest.mark.parametrize(
    "change",
    [
        {"valid_until": None},
        {"valid_until": NOON + 2 * HOUR},
        {"suspect_from": None},
        {"suspect_from": NOON + HOUR},
        {"valid_from": NOON - HOUR},
        {"valid_from": NOON + HOUR},
        {"owner": "SHELTER_B"},
        {"use": "sealing"},
    ],
)
def test_what_was_known_of_a_key_is_never_widened(change: dict[str, Any]) -> None:
    known = SHELTER.model_copy(update={"valid_until": NOON + HOUR, "suspect_from": NOON})
    with pytest.raises(KeyringRefused, match=SHELTER.id):
        Keyring([known]).with_news([known.model_copy(update=change)])


def test_one_key_is_not_two_owners_nor_for_two_uses() -> None:
    for change in ({"owner": "SHELTER_B"}, {"use": "sealing"}):
        with pytest.raises(KeyringRefused):
            Keyring([SHELTER, SHELTER.model_copy(update=change)])


def a_ring(*keys: PublicKey) -> Keyring:
    return Keyring((INTAKE, *keys))


def ending(key: PublicKey, **ends: datetime) -> PublicKey:
    return key.model_copy(update=ends)


NEWER = public(generate_signing_key(b"n" * 32), owner="intake")


@given(st.permutations([0, 1, 2, 2, 0]))
def test_news_that_comes_late_or_twice_leads_to_the_same_keys(order: list[int]) -> None:
    news = (
        [INTAKE, NEWER],
        [ending(INTAKE, valid_until=NOON + HOUR), NEWER],
        [ending(INTAKE, valid_until=NOON + 2 * HOUR)],
    )
    ring = a_ring()
    for nth in [*order, 1]:
        ring = ring.with_word_of(INTAKE.id, news[nth])

    assert {key.id: key.valid_until for key in ring.keys} == {
        INTAKE.id: NOON + HOUR,
        NEWER.id: None,
    }


@pytest.mark.parametrize("told_by", ["the news itself", "what was known"])
def test_a_key_in_doubt_brings_in_no_key_and_may_still_end_one(told_by: str) -> None:
    doubted = ending(INTAKE, suspect_from=NOON)
    known = doubted if told_by == "what was known" else INTAKE
    news = [doubted, ending(SHELTER, valid_until=NOON + HOUR), NEWER]
    ring = Keyring([known, SHELTER]).with_word_of(INTAKE.id, news)

    assert ring.keys == (doubted, ending(SHELTER, valid_until=NOON + HOUR))


def test_nobody_unknown_brings_in_a_key() -> None:
    assert a_ring().with_word_of(NEWER.id, [NEWER]).keys == (INTAKE,)


def test_no_news_gives_a_key_to_another_or_an_earlier_start() -> None:
    for change in ({"owner": "referral"}, {"valid_from": INTAKE.valid_from - HOUR}):
        with pytest.raises(KeyringRefused):
            a_ring().with_word_of(INTAKE.id, [INTAKE.model_copy(update=change)])


def test_the_newest_good_key_comes_first_while_two_overlap() -> None:
    old = SEALING.model_copy(update={"valid_until": NOON + 2 * HOUR})
    new = public(
        generate_sealing_key(b"n" * 32), owner="SHELTER_A", use="sealing", valid_from=NOON + HOUR
    )
    ring = Keyring([INTAKE, SHELTER, old, new])

    def current(at: datetime) -> tuple[PublicKey, ...]:
        return ring.current("SHELTER_A", use="sealing", at=at)

    assert current(NOON - HOUR) == ()
    assert current(NOON) == (old,)
    assert current(NOON + HOUR) == (new, old)
    assert current(NOON + 2 * HOUR) == (new,)
    assert ring.current("SHELTER_B", use="sealing", at=NOON) == ()


@given(
    st.none() | st.integers(-5, 5),
    st.none() | st.integers(-5, 5),
    st.integers(-5, 5),
)
def test_a_key_is_good_from_its_start_to_the_first_of_its_ends(
    until: int | None, suspect: int | None, at: int
) -> None:
    key = INTAKE.model_copy(
        update={
            "valid_until": None if until is None else NOON + until * HOUR,
            "suspect_from": None if suspect is None else NOON + suspect * HOUR,
        }
    )
    ends = [end for end in (until, suspect) if end is not None]

    assert (key.fault(NOON + at * HOUR) is None) == (at >= 0 and all(at < end for end in ends))


@pytest.mark.parametrize(
    ("source", "owner"),
    [
        ("/siraba/intake", "intake"),
        ("/siraba/reporting", "reporting"),
        ("/partners/SHELTER_A", "SHELTER_A"),
        ("/siraba/other", None),
        ("/partners/intake", None),
        ("/partners/", None),
        ("/partners/A/B", None),
        ("x/partners/A", None),
    ],
)
def test_a_source_speaks_with_its_owners_keys(source: str, owner: str | None) -> None:
    assert owner_of(source) == owner


def test_a_private_key_comes_back_from_its_file_as_its_own_kind_only() -> None:
    signing, sealing = generate_signing_key(b"a" * 32), generate_sealing_key(b"b" * 32)
    pem = write_private_key(signing)

    assert pem.startswith(b"-----BEGIN PRIVATE KEY-----")
    assert read_signing_key(pem).private_bytes_raw() == b"a" * 32
    assert read_sealing_key(write_private_key(sealing)).private_bytes_raw() == b"b" * 32
    with pytest.raises(ValueError, match="X25519"):
        read_sealing_key(pem)
    with_password = signing.private_bytes(
        Encoding.PEM, PrivateFormat.PKCS8, BestAvailableEncryption(b"word")
    )
    with pytest.raises(ValueError, match="password"):
        read_signing_key(with_password)
    with pytest.raises(ValueError, match="PEM"):
        read_sealing_key(b"no key")


@given(st.binary(max_size=70))
def test_bytes_have_one_text(raw: bytes) -> None:
    assert decode_base64url(encode_base64url(raw)) == raw


@given(st.text(alphabet="AQgw_-/+= é\n", max_size=8))
def test_a_text_is_read_only_when_it_is_the_one(text: str) -> None:
    raw = None
    with suppress(ValueError):
        raw = decode_base64url(text)

    assert raw is None or encode_base64url(raw) == text
