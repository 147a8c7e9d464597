from datetime import timedelta

import pytest

from contracts.countersigning import OFFICER, countersign, officers_behind
from contracts.keyring import Keyring, PublicKey
from contracts.signing import Signer
from tests.signing import SINCE, private_key, public_key, signer_of

pytestmark = pytest.mark.share("sealed")
KEY = public_key("SHELTER_B")
NOW = SINCE + timedelta(days=1)


def officers(**life: object) -> Keyring:
    known = public_key(OFFICER)
    return Keyring([known.model_copy(update=life)])


def holds(key: PublicKey, word: str | None, ring: Keyring | None = None) -> bool:
    return officers_behind(key, [word], officers=ring or officers(), at=NOW) == 1


def test_an_officers_word_stands_for_one_owner_one_use_and_one_key() -> None:
    word = countersign(signer_of(OFFICER), KEY)

    assert holds(KEY, word)
    assert holds(KEY.model_copy(update={"valid_until": NOW}), word), "ends are the platform's"
    for change in (
        {"owner": "POLICE_A"},
        {"use": "sealing"},
        {"key": public_key("POLICE_A").key},
    ):
        assert not holds(KEY.model_copy(update=change), word)


def test_nobody_elses_word_stands_for_anything() -> None:
    assert not holds(KEY, None)
    assert not holds(KEY, "")
    assert not holds(KEY, countersign(signer_of("SHELTER_B"), KEY)), "its own"
    assert not holds(KEY, countersign(signer_of("referral"), KEY)), "the platform's"
    as_event = Signer(private_key(OFFICER)).sign(b"owner:SHELTER_B\n", kind="event")
    assert not holds(KEY, as_event)


def test_an_officer_who_has_left_or_lost_the_key_is_believed_no_more() -> None:
    word = countersign(signer_of(OFFICER), KEY)

    assert not holds(KEY, word, officers(valid_until=NOW))
    assert not holds(KEY, word, officers(suspect_from=SINCE))


def test_two_words_of_one_officer_are_one_officers() -> None:
    other = public_key("OTHER").model_copy(update={"owner": OFFICER})
    ring = Keyring([*officers().keys, other])
    one, two, strange = (countersign(signer_of(name), KEY) for name in (OFFICER, "OTHER", "THIEF"))

    def behind(*words: str | None, ring: Keyring = ring) -> int:
        return officers_behind(KEY, words, officers=ring, at=NOW)

    assert (behind(one, two), behind(two, one)) == (2, 2)
    assert (behind(one, one), behind(one, strange), behind(one, None), behind()) == (1, 1, 1, 0)
    left = Keyring([*officers().keys, other.model_copy(update={"valid_until": NOW})])
    assert behind(one, two, ring=left) == 1, "who has left vouches for nothing new"
