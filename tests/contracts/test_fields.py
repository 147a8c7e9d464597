"""Every field of every message is explained, in both languages, and in the schemas."""

import json
from collections.abc import Iterator
from typing import Any

import pytest

from contracts.generate import SCHEMAS
from contracts.vocabulary import codes, field_table, field_words

pytestmark = pytest.mark.share("partners")
FIELDS = {name: (words.unit, words.en, words.fr) for name, words in field_table().items()}


def used(schema: Any) -> Iterator[tuple[str, str, str]]:
    """(model, field, description) of every field, also of parts."""
    if isinstance(schema, list):
        for one in schema:
            yield from used(one)
    elif isinstance(schema, dict):
        for name, one in schema.items():
            if name == "properties":
                for field, said in one.items():
                    yield schema["title"], field, said.get("description", "")
                    yield from used(said)
            else:
                yield from used(one)


ALL = {found for path in SCHEMAS.rglob("*.json") for found in used(json.loads(path.read_bytes()))}


def test_every_field_is_explained_in_the_schemas() -> None:
    assert len(ALL) > 200
    for model, field, description in ALL:
        assert description.startswith(field_words(model, field).en), f"{model}.{field}"


def test_no_explanation_is_left_of_a_field_that_is_gone() -> None:
    plain = {field for _, field, _ in ALL}
    own = {f"{model}.{field}" for model, field, _ in ALL}

    assert field_table().keys() <= plain | own


@pytest.mark.parametrize("name", FIELDS)
def test_it_is_one_sentence_in_each_language(name: str) -> None:
    unit, english, french = FIELDS[name]

    assert unit in ("", *codes("unit"))
    assert english[0].isupper()
    assert english.endswith(".")
    assert french[0].isupper()
    assert french.endswith(".")
    assert french != english


def test_a_field_without_words_is_named() -> None:
    with pytest.raises(LookupError, match=r"Offer\.bed: say what it means"):
        field_words("Offer", "bed")
