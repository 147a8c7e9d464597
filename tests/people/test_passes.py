"""A pass says who asks, to one service and for a minute; nothing that looks like one does."""

import pytest

from contracts.keyring import Keyring
from contracts.passes import LIFETIME, PassRefused, issue_pass, read_pass
from contracts.signing import Signer
from tests.builders import NOON
from tests.people.forged import WHO, forged
from tests.signing import private_key, public_key

pytestmark = pytest.mark.share("people")
SIGNER = Signer(private_key("referral"))
KEYS = Keyring([public_key("referral"), public_key("intake")])


def believed(keys: Keyring) -> list[str]:
    """The names of the forged passes that are let through."""
    through = []
    for name, text in forged(NOON, SIGNER):
        try:
            read_pass(text, audience="intake", now=NOON, keys=keys)
        except PassRefused:
            continue
        through.append(name)
    return through


def test_a_pass_says_who_asks_for_a_minute() -> None:
    text = issue_pass(WHO, audience="intake", now=NOON, signer=SIGNER)
    assert read_pass(text, audience="intake", now=NOON, keys=KEYS) == WHO
    late = NOON + LIFETIME
    with pytest.raises(PassRefused):
        read_pass(text, audience="intake", now=late, keys=KEYS)


def test_fifty_forged_passes_are_believed_by_nobody() -> None:
    assert len(list(forged(NOON, SIGNER))) >= 50
    assert believed(KEYS) == []


def test_the_forgeries_of_strangers_are_only_as_good_as_the_keys_that_are_known() -> None:
    """The control: where a stranger's key counts as referral's, its passes come through."""
    stranger = public_key("STRANGER").model_copy(update={"owner": "referral"})
    assert believed(Keyring([*KEYS.keys, stranger])) == ["unknown key"]
