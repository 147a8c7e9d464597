import re

import pytest

from tests.ledger import Figure
from tests.situations.decided import Written, differences, situations

pytestmark = pytest.mark.share("lifecycle")
ALL = situations()


@pytest.mark.parametrize("written", ALL, ids=lambda one: one["id"])
def test_it_is_decided_as_it_is_written(written: Written) -> None:
    assert not list(differences(written)), written["en"]


def test_sixty_situations_are_decided_as_they_are_written(figure: Figure) -> None:
    passed = [one for one in ALL if not list(differences(one))]
    figure("lifecycle.situations.passed", len(passed))


def test_each_is_told_in_both_languages_and_has_a_name_of_its_own() -> None:
    names = [one["id"] for one in ALL]
    assert len(set(names)) == len(names)
    for one in ALL:
        assert re.fullmatch(r"[a-z0-9-]+", one["id"])
        assert one["fr"].endswith((".", "»"))
        assert one["en"].endswith(".")


def test_what_is_decided_otherwise_than_written_is_seen() -> None:
    written = next(one for one in ALL if one["id"] == "one-shelter-is-refused")
    expected = dict(written["expect"]["shelter"])
    for word, wrong in (
        ("asked", "SHELTER_SUTURA_KITA"),
        ("because", ["same_cercle"]),
        ("not", {"SHELTER_SUTURA_KITA": "sex"}),
        ("within", "vital_1h"),
    ):
        spoilt = {**written, "expect": {"shelter": expected | {word: wrong}}}
        assert [one.split()[1] for one in differences(spoilt)] == [word]
    assert list(differences({**written, "expect": {}})) == ["shelter: not expected"]
