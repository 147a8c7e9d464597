from datetime import timedelta
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from hypothesis import given, settings
from hypothesis import strategies as st

from contracts.envelope import SIGNATURE
from contracts.keyring import Keyring, decode_base64url, encode_base64url
from contracts.signing import (
    SUITE,
    Kind,
    SignatureRefused,
    Signer,
    pre_authentication,
    signed_payload,
    verify,
)
from tests.builders import CANARY
from tests.contracts.letters import (
    INTAKE,
    INTAKE_KEY,
    KEYS,
    NOON,
    SHELTER,
    SHELTER_KEY,
    Letter,
    a_letter,
    flips,
    public,
    signed,
    survivors,
    verified,
)

pytestmark = pytest.mark.share("sealed")
ORDER = 2**252 + 27742317777372353535851937790883648493
FROZEN_SIGNATURE = (
    "siraba-1.21fe31dfa154a261."
    "PTVKj9jqzXJmNesaQCBiasAapETVL_WRfvzTYjgTKgvije_VfhZw6yUcWwKwzV1ZXIvbdk6-CZLUCvH4UDo_AQ"
)
KINDS: tuple[Kind, ...] = ("event", "request", "receipt", "root", "key", "conformance")


def accepts(letter: Letter) -> bool:
    try:
        verified(letter)
    except SignatureRefused:
        return False
    return True


def refusal(letter: Letter, **changes: Any) -> str:
    with pytest.raises(SignatureRefused) as refused:
        verified(letter, **changes)
    return refused.value.reason


def with_signature(letter: Letter, signature: str) -> Letter:
    return letter._replace(headers=letter.headers | {SIGNATURE: signature})


@pytest.mark.parametrize(
    ("secret", "public_key", "message", "signature"),
    [
        (
            "9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60",
            "d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a",
            "",
            (
                "e5564300c360ac729086e2cc806e828a84877f1eb8e5d974d873e065224901555fb8821590a33bac"
                "c61e39701cf9b46bd25bf5f0595bbe24655141438e7a100b"
            ),
        ),
        (
            "4ccd089b28ff96da9db6c346ec114e0f5b8a319f35aba624da8cf6ed4fb8a6fb",
            "3d4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af4660c",
            "72",
            (
                "92a009a9f0d4cab8720e820b5f642540a2b27b5416503f8fb3762223ebdb69da085ac1e43e15996e"
                "458f3613d0f11d8c387b2eaeb4302aeeb00d291612bb0c00"
            ),
        ),
    ],
)
def test_ed25519_signs_as_in_rfc_8032(
    secret: str, public_key: str, message: str, signature: str
) -> None:
    key = Ed25519PrivateKey.from_private_bytes(bytes.fromhex(secret))

    assert key.public_key().public_bytes_raw().hex() == public_key
    assert key.sign(bytes.fromhex(message)).hex() == signature


def test_the_pre_authentication_encoding_is_the_example_of_dsse() -> None:
    encoded = pre_authentication("http://example.com/HelloWorld", b"hello world")

    assert encoded == b"DSSEv1 29 http://example.com/HelloWorld 11 hello world"


def test_a_length_counts_bytes_and_not_letters() -> None:
    assert pre_authentication("é", "ñ".encode()) == b"DSSEv1 2 \xc3\xa9 2 \xc3\xb1"


def test_a_signed_message_is_the_same_text_for_ever() -> None:
    letter = signed(a_letter())

    assert verified(letter).decode() == (
        "ce-casesequence:1\n"
        "ce-causationid:cause\n"
        "ce-correlationid:first\n"
        "ce-datacontenttype:application/json\n"
        "ce-id:0193599c-0000-7000-8000-000000000001\n"
        f"ce-previousdigest:{'0' * 64}\n"
        "ce-source:/siraba/intake\n"
        "ce-specversion:1.0\n"
        "ce-subject:6b3f6a2e-4d0a-4c52-9d84-6f6c5f0f6f11\n"
        "ce-traceparent:00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01\n"
        "ce-type:ml.siraba.case.registered.v1\n"
        "subject:siraba.intake.case.registered.v1.7\n"
        "sha-256:015abd7f5cc57a2dd94b7590f04ad8084273905ee33ec5cebeae62276a97f862\n"
    )
    assert letter.headers[SIGNATURE] == FROZEN_SIGNATURE
    raw = decode_base64url(FROZEN_SIGNATURE.rpartition(".")[2])
    spoken = b"DSSEv1 30 application/vnd.siraba-1.event 540 " + verified(letter)
    INTAKE_KEY.public_key().verify(raw, spoken)


def test_every_single_bit_of_a_signed_message_counts() -> None:
    letter = signed(a_letter())

    assert accepts(letter)
    assert survivors(flips(letter), accepts) == set()


@given(st.data())
@settings(max_examples=25, deadline=None)
def test_a_bit_flipped_anywhere_in_any_message_is_refused(data: st.DataObject) -> None:
    letter = signed(
        a_letter(
            data.draw(st.binary(min_size=1, max_size=200)),
            subject=data.draw(st.text(min_size=1, max_size=20).filter(str.isprintable)),
            case_sequence=data.draw(st.integers(1, 10**9)),
        )
    )
    every = list(flips(letter))

    assert accepts(letter)
    chosen = data.draw(st.lists(st.sampled_from(range(len(every))), min_size=1, max_size=20))
    assert survivors([every[at] for at in chosen], accepts) == set()


@given(st.data())
def test_an_attribute_taken_away_put_in_or_swapped_is_refused(data: st.DataObject) -> None:
    letter = signed(a_letter())
    names = sorted(name for name in letter.headers if name.startswith("ce-"))
    one, other = data.draw(st.permutations(names))[:2]
    gone = {name: value for name, value in letter.headers.items() if name != one}
    put_in = letter.headers | {
        "ce-" + data.draw(st.from_regex("[a-z0-9]{1,9}x", fullmatch=True)): "x"
    }
    swapped = letter.headers | {one: letter.headers[other], other: letter.headers[one]}

    for headers in (gone, put_in, swapped):
        assert not accepts(letter._replace(headers=headers))


def test_the_hop_changes_on_the_way_and_nothing_minds() -> None:
    letter = signed(a_letter())

    assert accepts(letter._replace(headers=letter.headers | {"traceparent": "00-c-d-00"}))


def test_a_content_type_is_signed_where_there_is_one() -> None:
    letter = signed(a_letter())
    typed = signed(letter._replace(headers=letter.headers | {"content-type": "application/json"}))

    assert b"content-type:application/json\n" in verified(typed)
    assert refusal(letter._replace(headers=letter.headers | {"content-type": "text/plain"}))


@pytest.mark.parametrize(
    "name", ["Ce-id", "CE-ID", "ce-é", "ce-", "ce-a:b", "ce-a b", "Content-Type", "ce-A"]
)
def test_an_attribute_that_could_be_read_in_two_ways_is_malformed(name: str) -> None:
    letter = a_letter()
    with pytest.raises(SignatureRefused) as refused:
        signed_payload(letter.headers | {name: "x"}, letter.body, subject=letter.subject)

    assert refused.value.reason == "malformed"


@pytest.mark.parametrize("value", ["a b", "a\nce-b:c", "a\r", "\x00", "é", "\x7f", "٣"])
@pytest.mark.parametrize("where", ["attribute", "subject"])
def test_a_value_that_could_end_its_line_is_malformed(value: str, where: str) -> None:
    letter = a_letter()
    bent = (
        letter._replace(headers=letter.headers | {"ce-x": value})
        if where == "attribute"
        else letter._replace(subject=value)
    )
    with pytest.raises(SignatureRefused, match="malformed"):
        signed_payload(bent.headers, bent.body, subject=bent.subject)


def test_no_signature_is_no_message() -> None:
    letter = a_letter()

    assert refusal(letter) == "unsigned"
    assert refusal(with_signature(letter, "")) == "unsigned"


@pytest.mark.parametrize(
    "suite", ["siraba-2", "siraba-0", "SIRABA-1", "none", "EdDSA", "siraba-1,siraba-2", ""]
)
def test_another_suite_is_refused_whatever_it_promises(suite: str) -> None:
    letter = signed(a_letter())
    rest = letter.headers[SIGNATURE].removeprefix(SUITE)

    assert refusal(with_signature(letter, suite + rest)) == "malformed"


@pytest.mark.parametrize("change", ["=", "==", "\n", " ", "A"])
def test_a_signature_with_something_behind_it_is_malformed(change: str) -> None:
    letter = signed(a_letter())

    assert refusal(with_signature(letter, letter.headers[SIGNATURE] + change)) == "malformed"


def test_a_signature_has_one_spelling() -> None:
    letter = signed(a_letter())
    text = letter.headers[SIGNATURE]
    alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
    # The last of 86 letters carries two bits of signature and four that say nothing.
    last = alphabet.index(text[-1])
    others = [text[:-1] + alphabet[last ^ spare] for spare in range(1, 16)]

    assert {refusal(with_signature(letter, other)) for other in others} == {"malformed"}


def test_a_signature_has_one_value() -> None:
    letter = signed(a_letter())
    head, _, text = letter.headers[SIGNATURE].rpartition(".")
    raw = decode_base64url(text)
    added = int.from_bytes(raw[32:], "little") + ORDER
    again = encode_base64url(raw[:32] + added.to_bytes(32, "little"))

    assert refusal(with_signature(letter, f"{head}.{again}")) == "bad_signature"


def test_a_stranger_is_an_unknown_key() -> None:
    letter = signed(a_letter(), Ed25519PrivateKey.from_private_bytes(b"s" * 32))

    assert refusal(letter) == "unknown_key"


def test_a_partner_cannot_speak_for_a_service_nor_a_service_for_a_partner() -> None:
    as_partner = a_letter(source="/partners/SHELTER_A")

    assert refusal(signed(a_letter(), SHELTER_KEY)) == "foreign_key"
    assert refusal(signed(as_partner, INTAKE_KEY)) == "foreign_key"
    assert accepts(signed(as_partner, SHELTER_KEY))


@pytest.mark.parametrize(
    "source", ["/partners/intake", "/siraba/SHELTER_A", "intake", "/siraba/intake/", "//intake", ""]
)
def test_a_source_that_is_nobodys_has_no_key(source: str) -> None:
    letter = a_letter()
    bent = letter._replace(headers=letter.headers | {"ce-source": source})

    assert refusal(signed(bent)) == "foreign_key"
    assert refusal(signed(bent, SHELTER_KEY)) == "foreign_key"


def test_a_known_key_id_under_another_keys_signature_is_bad() -> None:
    letter = signed(a_letter(), Ed25519PrivateKey.from_private_bytes(b"s" * 32))
    forged = f"{SUITE}.{INTAKE.id}.{letter.headers[SIGNATURE].rpartition('.')[2]}"

    assert refusal(with_signature(letter, forged)) == "bad_signature"


@pytest.mark.parametrize("kind", KINDS)
def test_a_signature_for_one_kind_of_thing_is_none_for_another(kind: Kind) -> None:
    payload = b"the same bytes"
    signature = Signer(INTAKE_KEY).sign(payload, kind=kind)

    verify(signature, payload, kind=kind, keys=KEYS, owner="intake", at=NOON)
    for other in KINDS:
        if other != kind:
            with pytest.raises(SignatureRefused, match="bad_signature"):
                verify(signature, payload, kind=other, keys=KEYS, owner="intake", at=NOON)


def test_a_message_is_judged_at_its_own_time() -> None:
    hour = timedelta(hours=1)
    letter = signed(a_letter())
    ended = KEYS.with_news([INTAKE.model_copy(update={"valid_until": NOON + hour})])
    stolen = ended.with_news(
        [INTAKE.model_copy(update={"valid_until": NOON + hour, "suspect_from": NOON + hour / 2})]
    )

    assert verified(letter, keys=ended, at=NOON)
    assert refusal(letter, keys=ended, at=NOON - hour) == "unknown_key"
    assert refusal(letter, keys=ended, at=NOON + hour) == "key_expired"
    assert verified(letter, keys=stolen, at=NOON + hour / 4)
    assert refusal(letter, keys=stolen, at=NOON + hour / 2) == "key_suspect"
    assert refusal(letter, keys=stolen, at=NOON + 2 * hour) == "key_suspect"


def test_while_keys_rotate_both_are_good() -> None:
    new_key = Ed25519PrivateKey.from_private_bytes(b"n" * 32)
    later = NOON + timedelta(hours=1)
    keys = KEYS.with_news(
        [
            INTAKE.model_copy(update={"valid_until": NOON + timedelta(hours=2)}),
            public(new_key, owner="intake", valid_from=later),
        ]
    )

    assert verified(signed(a_letter()), keys=keys, at=later)
    assert verified(signed(a_letter(), new_key), keys=keys, at=later)


def test_a_sealing_key_signs_nothing() -> None:
    as_sealing = Keyring([INTAKE.model_copy(update={"use": "sealing"}), SHELTER])

    assert refusal(signed(a_letter()), keys=as_sealing) == "unknown_key"


@given(st.text(max_size=120), st.text(max_size=40))
def test_whatever_stands_for_a_signature_is_refused_and_not_repeated(text: str, value: str) -> None:
    letter = a_letter()
    bent = with_signature(letter, text + CANARY)._replace(
        headers=letter.headers | {SIGNATURE: text + CANARY, "ce-x": value}
    )
    with pytest.raises(SignatureRefused) as refused:
        verified(bent)

    assert CANARY not in str(refused.value)
    assert refused.value.reason == "malformed"


def test_a_signer_does_not_show_its_key() -> None:
    secret = INTAKE_KEY.private_bytes_raw()

    assert secret.hex() not in repr(Signer(INTAKE_KEY))
    assert not hasattr(Signer(INTAKE_KEY), "key")
