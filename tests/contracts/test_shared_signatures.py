"""One signature for many events: each still stands, and falls, by itself."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from contracts.envelope import SIGNATURE
from contracts.signing import SignatureRefused, Signer, signed_payload
from partners.verify.keys import Key, Keys
from tests.contracts.letters import (
    INTAKE,
    INTAKE_KEY,
    NOON,
    Letter,
    a_letter,
    flips,
    signed,
    survivors,
    verified,
)

pytestmark = pytest.mark.share("sealed")


def payload_of(letter: Letter) -> bytes:
    return signed_payload(letter.headers, letter.body, subject=letter.subject)


def signed_together(count: int) -> list[Letter]:
    letters = [a_letter(b"%d" % nth, case_sequence=nth + 1) for nth in range(count)]
    texts = Signer(INTAKE_KEY).sign_events([payload_of(letter) for letter in letters])
    return [with_signature(one, text) for one, text in zip(letters, texts, strict=True)]


def with_signature(letter: Letter, text: str) -> Letter:
    return letter._replace(headers=letter.headers | {SIGNATURE: text})


def accepts(letter: Letter) -> bool:
    try:
        verified(letter)
    except SignatureRefused:
        return False
    return True


def checker_accepts(letter: Letter) -> bool:
    """What the offline checker says, which shares no line with `contracts`."""
    key = Key("intake", INTAKE.verifier, NOON, None, None)
    fault = Keys({INTAKE.id: key}).fault(
        letter.headers[SIGNATURE], payload_of(letter), kind="event", owner="intake", at=NOON
    )
    return fault is None


@pytest.mark.parametrize("count", [1, 2, 3, 7, 500])
def test_each_event_stands_by_itself(count: int) -> None:
    letters = signed_together(count)

    assert all(map(accepts, letters))
    assert all(map(checker_accepts, letters))


def test_an_event_alone_is_signed_as_ever() -> None:
    (letter,) = signed_together(1)

    assert letter == signed(a_letter(b"0", case_sequence=1))


def test_every_single_bit_counts_here_too() -> None:
    letter = signed_together(5)[2]

    assert survivors(flips(letter), accepts) == set()


@given(st.integers(2, 40), st.data())
@settings(max_examples=200, deadline=None)
def test_no_branch_carries_another_event_or_stands_elsewhere(
    count: int, data: st.DataObject
) -> None:
    letters = signed_together(count)
    mine, other = data.draw(st.permutations(range(count)))[:2]
    letter = letters[mine]
    head, place, size, path = letter.headers[SIGNATURE].rsplit(".", 3)
    bent = {
        "another's": letters[other].headers[SIGNATURE],
        "no branch": head,
        "another place": f"{head}.{other}.{size}.{path}",
        "more leaves": f"{head}.{place}.{int(size) + 1}.{path}",
        "fewer leaves": f"{head}.{place}.{max(1, int(size) - 1)}.{path}",
        "half a path": f"{head}.{place}.{size}.{path[: len(path) // 2]}",
        "no path": f"{head}.{place}.{size}.",
        "a zero before": f"{head}.0{place}.{size}.{path}",
    }

    wrong = {name: with_signature(letter, text) for name, text in bent.items()}
    assert {name for name, one in wrong.items() if accepts(one)} == set()
    assert {name for name, one in wrong.items() if checker_accepts(one)} == set()


def test_the_tree_itself_is_no_event_and_an_event_is_no_request() -> None:
    letter = signed_together(2)[0]
    branch = letter.headers[SIGNATURE].split(".", 3)[3]
    alone = signed(a_letter(b"0", case_sequence=1)).headers[SIGNATURE]

    assert not accepts(with_signature(letter, f"{alone}.{branch}"))
    with pytest.raises(SignatureRefused, match="bad_signature"):
        verified(letter, kind="request")
