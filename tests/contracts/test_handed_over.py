"""A `public.json` is read whole or not at all, and a private key is told from it before anything else."""

import json
from pathlib import Path
from typing import Any

import pytest

from contracts.countersigning import OFFICER, PREVIOUS, prove
from contracts.handed_over import SECOND_WORDS, WORDS, HandedOver, HandedOverRefused
from deploy.officer import countersign_file
from partners.kit import init
from tests.signing import signer_of

pytestmark = pytest.mark.share("sealed")
CODE = "SHELTER_A"


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """As the kit makes it."""
    init(tmp_path / "keys", code=CODE)
    return tmp_path / "keys" / "public.json"


def document(path: Path) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(path.read_text())
    return found


def reason(content: object) -> str:
    raw = content if isinstance(content, bytes) else json.dumps(content).encode()
    with pytest.raises(HandedOverRefused) as caught:
        HandedOver.read(raw)
    return str(caught.value)


def test_what_the_kit_and_officers_write_comes_back_to_the_letter(path: Path) -> None:
    whole = bare = HandedOver.read(path.read_bytes())
    assert json.loads(bare.write()) == document(path)
    assert bare.is_proven
    assert bare.officers == ()
    for count, by in enumerate((OFFICER, "SECOND_OFFICER"), start=1):
        countersign_file(path, signer_of(by))
        whole = HandedOver.read(path.read_bytes())
        assert json.loads(whole.write()) == document(path)
        assert whole.officers[count - 1 :] == (signer_of(by).key_id,)
        assert whole.without_words() == bare
    assert {key.id for key in whole.keys} == {key.id for key in bare.keys}


def test_a_private_key_is_told_from_everything_else(path: Path) -> None:
    for name in ("signing.key", "sealing.key", "nkey.seed"):
        held = path.with_name(name).read_bytes()
        assert [reason(held), reason(document(path) | {"note": held.decode()})] == ["private"] * 2
    assert reason({"kty": "OKP", "crv": "Ed25519", "x": "A" * 43, "d": "A" * 43}) == "private"


def test_what_is_not_whole_or_holds_more_is_not_read(path: Path) -> None:
    countersign_file(path, signer_of(OFFICER))
    good = document(path)
    first = good[WORDS]
    nkey = good["nkey"]
    other_nkey = nkey[:-1] + ("B" if nkey.endswith("A") else "A")
    swapped = {"signing": first["sealing"], "sealing": prove(signer_of("X"), good)}
    wrong: tuple[object, ...] = (
        b"", b"[]", b"\xff", b"[" * 9000,
        *(good | {name: None} for name in ("code", "nkey", "signing", "sealing", "proof")),
        good | {"more": "x"}, good | {"code": "shelter"}, good | {"nkey": other_nkey},
        good | {"signing": good["signing"] + "="}, good | {"sealing": "A" * 43},
        good | {PREVIOUS: "x"}, good | {WORDS: {"signing": first["signing"]}},
        good | {WORDS: swapped}, good | {SECOND_WORDS: first},
    )  # fmt: skip
    assert [one for one in wrong if reason(one) != "unreadable"] == []
    assert HandedOver.read(json.dumps(good).encode()).officers == (signer_of(OFFICER).key_id,)


def test_a_proof_of_other_keys_proves_nothing(path: Path, tmp_path: Path) -> None:
    init(tmp_path / "other", code=CODE)
    other = document(tmp_path / "other" / "public.json")
    for part in ("nkey", "signing", "sealing", "proof"):
        mixed = document(path) | {part: other[part]}
        assert not HandedOver.read(json.dumps(mixed).encode()).is_proven, part
