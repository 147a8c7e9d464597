import asyncio
import itertools
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from secrets import token_bytes
from uuid import UUID, uuid4

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from services.intake.vault import (
    KeyDamaged,
    KeyUnavailable,
    SealedDossier,
    SectionDamaged,
    Vault,
    WrappedKey,
)
from services.intake.vault.sections import Place, open_section, seal_section
from tests.builders import CANARY
from tests.intake.vaults import DOSSIER, FIRST, a_vault, key_files

pytestmark = pytest.mark.share("sealed")

REFUSED = (SectionDamaged, KeyDamaged, KeyUnavailable)
text = st.text(st.characters(exclude_categories=["Cs"]), max_size=40)
dossiers = st.dictionaries(
    st.sampled_from(["identity", "contact", "notes"]), st.dictionaries(text, text, max_size=4)
)


@given(dossiers)
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_what_is_sealed_opens_as_it_was_and_an_empty_section_is_not_kept(
    tmp_path: Path, dossier: dict[str, dict[str, str]]
) -> None:
    keys = key_files(tmp_path, *(() if (tmp_path / "kek").exists() else (FIRST,)))
    vault, case_id = Vault(keys, token_bytes), uuid4()

    async def again() -> dict[str, dict[str, str]]:
        return await vault.open(case_id, await vault.seal(case_id, dossier))

    assert asyncio.run(again()) == {name: fields for name, fields in dossier.items() if fields}


async def test_no_byte_of_a_name_is_readable_in_what_is_kept(tmp_path: Path) -> None:
    kept = await a_vault(tmp_path).seal(uuid4(), DOSSIER)

    held = kept.key.wrapped + b"".join(one.nonce + one.ciphertext for one in kept.sections)
    for clear in (CANARY, "Aminata", "66012345", "name", "phone"):
        assert clear.encode() not in held


async def test_each_person_has_a_key_of_their_own_and_it_is_nowhere_in_clear(
    tmp_path: Path,
) -> None:
    drawn: list[bytes] = []

    def entropy(n: int) -> bytes:
        drawn.append(token_bytes(n))
        return drawn[-1]

    vault = Vault(key_files(tmp_path, FIRST), entropy)
    cases = [uuid4() for _ in range(20)]
    kept = [await vault.seal(case_id, DOSSIER) for case_id in cases]

    person_keys = [one for one in drawn if len(one) == 32]
    assert len(set(person_keys)) == 20
    assert all(key not in repr(kept).encode() for key in person_keys)
    assert all(key.hex() not in repr(kept) and repr(key)[2:-1] not in repr(kept)
               for key in person_keys)  # fmt: skip
    for (mine, theirs), case_id in zip(itertools.pairwise(person_keys), cases, strict=False):
        (section, *_) = kept[cases.index(case_id)].sections
        assert open_section(case_id, section, person_key=mine) == DOSSIER["identity"]
        with pytest.raises(SectionDamaged):
            open_section(case_id, section, person_key=theirs)


async def test_a_section_opens_for_its_own_case_name_and_version_only(tmp_path: Path) -> None:
    """All of a person's sections are under one key, so that only the place keeps them apart."""
    places = [Place(case_id, section, version)
              for case_id in (uuid4(), uuid4())
              for section in ("identity", "notes")
              for version in (1, 2)]  # fmt: skip
    key = token_bytes(32)
    sealed = {
        place: seal_section({"n": str(nth)}, place, person_key=key, entropy=token_bytes)
        for nth, place in enumerate(places)
    }

    for source, target in itertools.product(places, repeat=2):
        moved = replace(sealed[source], section=target.section, version=target.version)
        if source == target:
            assert open_section(target.case_id, moved, person_key=key)
            continue
        with pytest.raises(SectionDamaged):
            open_section(target.case_id, moved, person_key=key)


async def test_a_wrapped_key_opens_for_its_own_case_and_version_only(tmp_path: Path) -> None:
    vault, mine, yours = a_vault(tmp_path), uuid4(), uuid4()
    kept = {case_id: await vault.seal(case_id, DOSSIER) for case_id in (mine, yours)}
    later = key_files(tmp_path).make(FIRST + timedelta(days=1))

    # Somebody else's whole dossier, key and all; somebody's key alone; a claim of another version.
    for case_id, forged in (
        (mine, kept[yours]),
        (mine, replace(kept[mine], key=kept[yours].key)),
        (mine, replace(kept[mine], key=WrappedKey(later, kept[mine].key.wrapped))),
        (mine, replace(kept[mine], key=WrappedKey("20990101T000000Z", kept[mine].key.wrapped))),
    ):
        with pytest.raises(REFUSED):
            await vault.open(case_id, forged)


def flips(raw: bytes) -> Iterator[bytes]:
    """The same bytes with one bit turned, for every bit; and cut short, and emptied."""
    for at, bit in itertools.product(range(len(raw)), range(8)):
        yield raw[:at] + bytes([raw[at] ^ 1 << bit]) + raw[at + 1 :]
    yield from (raw[:-1], raw + b"\0", b"")


async def test_every_single_changed_bit_is_refused_and_never_read(tmp_path: Path) -> None:
    vault, case_id = a_vault(tmp_path), uuid4()
    kept = await vault.seal(case_id, {"identity": {"name": CANARY}})
    (section,) = kept.sections
    changes: list[tuple[bytes, Callable[[bytes], SealedDossier]]] = [
        (section.nonce, lambda raw: replace(kept, sections=[replace(section, nonce=raw)])),
        (section.ciphertext, lambda raw: replace(kept, sections=[replace(section, ciphertext=raw)])),
        (kept.key.wrapped, lambda raw: replace(kept, key=WrappedKey(kept.key.kek_id, raw))),
    ]  # fmt: skip

    tried = 0
    for raw, changed in changes:
        for flipped in flips(raw):
            tried += 1
            with pytest.raises(REFUSED) as refused:
                await vault.open(case_id, changed(flipped))
            assert CANARY not in str(refused.value)
            assert refused.value.__cause__ is None
    assert tried > 1000


async def test_a_nonce_is_never_used_twice_and_equal_texts_look_different(tmp_path: Path) -> None:
    vault = a_vault(tmp_path)
    kept = [await vault.seal(UUID(int=1), {"identity": {"n": "x"}, "notes": {"n": "x"}})
            for _ in range(50)]  # fmt: skip

    sections = [one for dossier in kept for one in dossier.sections]
    assert len({one.nonce for one in sections}) == len({one.ciphertext for one in sections}) == 100
    assert len({dossier.key.wrapped for dossier in kept}) == 50
