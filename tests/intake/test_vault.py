from dataclasses import replace
from uuid import UUID, uuid4

import pytest
from cryptography.exceptions import InvalidTag
from hypothesis import given
from hypothesis import strategies as st

from services.intake.vault import Vault
from tests.builders import CANARY, a_mint

KEY = bytes(range(32))
text = st.text(st.characters(exclude_categories=["Cs"]), max_size=40)
dossiers = st.dictionaries(
    st.sampled_from(["identity", "contact", "notes"]), st.dictionaries(text, text, max_size=4)
)


def a_vault(key: bytes = KEY, seed: int = 1) -> Vault:
    return Vault(key, a_mint(seed).entropy)


@given(dossiers)
def test_what_is_sealed_opens_as_it_was_and_an_empty_section_is_not_kept(
    dossier: dict[str, dict[str, str]],
) -> None:
    vault, case_id = a_vault(), UUID(int=1)
    sealed = vault.seal(case_id, dossier)

    assert {one.section: vault.open(case_id, one) for one in sealed} == {
        section: fields for section, fields in dossier.items() if fields
    }


def test_no_byte_of_a_name_is_readable_in_what_is_kept() -> None:
    (sealed,) = a_vault().seal(uuid4(), {"identity": {"name": CANARY, "phone": "66012345"}})

    for clear in (CANARY, "Aminata", "66012345", "name", "phone"):
        assert clear.encode() not in sealed.ciphertext + sealed.nonce


def test_without_the_key_nothing_opens() -> None:
    case_id = uuid4()
    (sealed,) = a_vault().seal(case_id, {"identity": {"name": CANARY}})

    with pytest.raises(InvalidTag):
        a_vault(key=b"x" * 32).open(case_id, sealed)


def test_a_section_opens_for_its_own_case_name_and_version_only() -> None:
    vault, case_id = a_vault(), uuid4()
    (sealed,) = vault.seal(case_id, {"identity": {"name": CANARY}})

    for moved, where in (
        (sealed, uuid4()),
        (replace(sealed, section="notes"), case_id),
        (replace(sealed, version=2), case_id),
        (replace(sealed, nonce=b"\0" * 12), case_id),
    ):
        with pytest.raises(InvalidTag):
            vault.open(where, moved)


@given(st.data())
def test_a_single_changed_bit_is_noticed(data: st.DataObject) -> None:
    vault, case_id = a_vault(), UUID(int=1)
    (sealed,) = vault.seal(case_id, {"identity": {"name": CANARY}})
    at = data.draw(st.integers(0, len(sealed.ciphertext) - 1))
    bit = data.draw(st.integers(0, 7))
    changed = bytearray(sealed.ciphertext)
    changed[at] ^= 1 << bit

    with pytest.raises(InvalidTag):
        vault.open(case_id, replace(sealed, ciphertext=bytes(changed)))


def test_a_nonce_is_never_used_twice_and_equal_texts_look_different() -> None:
    vault = a_vault()
    sealed = [
        one
        for _ in range(50)
        for one in vault.seal(uuid4(), {"identity": {"n": "x"}, "notes": {"n": "x"}})
    ]

    assert len({one.nonce for one in sealed}) == len({one.ciphertext for one in sealed}) == 100
