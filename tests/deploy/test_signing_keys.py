from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from chassis.secrets import SecretUnusable
from chassis.trust import PLATFORM_KEYS, PlatformKeys, SigningKey, Trust, signing_file
from contracts.keyring import Keyring
from contracts.signing import SignatureRefused, verify
from contracts.topology import SERVICES
from deploy.signing_keys import (
    MARGIN,
    OVERLAP,
    ensure_signing_keys,
    make_known,
    make_next,
    platform_keys,
    take_up,
)
from deploy.state import State

pytestmark = pytest.mark.share("sealed")
NOW = datetime(2026, 11, 24, 12, tzinfo=UTC)


def rotated(state: State, service: str, *, now: datetime) -> Keyring:
    """A new key that nobody outside has to hear of first."""
    return take_up(state, make_next(service, now=now), now=now)


@pytest.fixture
def state(tmp_path: Path) -> State:
    state = State(tmp_path)
    state.prepare()
    return state


def test_each_service_gets_a_key_of_its_own_once(state: State) -> None:
    made = ensure_signing_keys(state, now=NOW)
    again = ensure_signing_keys(state, now=NOW + timedelta(days=1))

    assert [len(made.owned(name, use="signing")) for name in SERVICES] == [1, 1, 1]
    assert again.write() == made.write()


def test_only_their_owner_can_read_the_private_halves(state: State) -> None:
    ensure_signing_keys(state, now=NOW)

    files = list(state.secrets.glob("signing-*.key"))
    assert len(files) == len(SERVICES)
    assert all(path.stat().st_mode & 0o777 == 0o600 for path in files)
    assert "PRIVATE" not in (state.secrets / PLATFORM_KEYS).read_text()


def test_a_running_service_signs_with_the_new_key_as_soon_as_it_is_there(state: State) -> None:
    ensure_signing_keys(state, now=NOW)
    signing = SigningKey(PlatformKeys(state.secrets), "intake")
    before = signing.signer().key_id
    keys = rotated(state, "intake", now=NOW + timedelta(hours=1))
    after = signing.signer()

    assert after.key_id != before
    assert after.key_id in {key.id for key in keys.owned("intake", use="signing")}


async def test_a_consumer_that_sees_the_new_key_first_does_not_keep_the_signer_from_it(
    state: State,
) -> None:
    ensure_signing_keys(state, now=NOW)
    keys = PlatformKeys(state.secrets)
    signing = SigningKey(keys, "intake")
    before = signing.signer().key_id
    rotated(state, "intake", now=NOW + timedelta(hours=1))
    await Trust("event", keys).refresh()

    assert signing.signer().key_id != before


def test_what_the_old_key_signed_is_good_for_ever_and_new_words_of_it_end_after_a_week(
    state: State,
) -> None:
    ensure_signing_keys(state, now=NOW)
    old = SigningKey(PlatformKeys(state.secrets), "intake").signer()
    keys = rotated(state, "intake", now=NOW)
    said = old.sign(b"x", kind="event")

    for at in (NOW - MARGIN, NOW, NOW + OVERLAP - timedelta(seconds=1)):
        verify(said, b"x", kind="event", keys=keys, owner="intake", at=at)
    with pytest.raises(SignatureRefused, match="key_expired"):
        verify(said, b"x", kind="event", keys=keys, owner="intake", at=NOW + OVERLAP)


def test_a_second_rotation_does_not_lengthen_the_life_of_the_first_key(state: State) -> None:
    ensure_signing_keys(state, now=NOW)
    rotated(state, "intake", now=NOW)
    rotated(state, "intake", now=NOW + timedelta(days=3))

    ends = [key.valid_until for key in platform_keys(state).owned("intake", use="signing")]
    assert ends == [NOW + OVERLAP, NOW + timedelta(days=3) + OVERLAP, None]


def test_a_service_whose_private_key_others_may_read_does_not_sign(state: State) -> None:
    ensure_signing_keys(state, now=NOW)
    for path in state.secrets.glob("signing-*.key"):
        path.chmod(0o644)

    with pytest.raises(SecretUnusable, match="others may read it"):
        SigningKey(PlatformKeys(state.secrets), "intake").signer()


def test_a_key_that_is_announced_is_believed_and_does_not_sign_yet(state: State) -> None:
    before = ensure_signing_keys(state, now=NOW)
    signing = SigningKey(PlatformKeys(state.secrets), "intake")
    new = make_next("intake", now=NOW)
    make_known(state, new)

    (old,) = before.owned("intake", use="signing")
    assert new.public in platform_keys(state).current("intake", use="signing", at=NOW)
    assert signing.signer().key_id == old.id
    assert not (state.secrets / signing_file(new.public.id)).exists()
    take_up(state, new, now=NOW)
    assert signing.signer().key_id == new.public.id


def test_a_key_that_was_announced_and_never_taken_up_ends_with_the_next_rotation(
    state: State,
) -> None:
    ensure_signing_keys(state, now=NOW)
    lost = make_next("intake", now=NOW)
    make_known(state, lost)
    keys = rotated(state, "intake", now=NOW + timedelta(hours=1))

    ended = keys.get(lost.public.id, use="signing")
    assert ended is not None
    assert ended.valid_until == NOW + timedelta(hours=1) + OVERLAP


def test_what_a_key_in_doubt_has_signed_counts_until_then_and_it_signs_nothing_more(
    state: State,
) -> None:
    ensure_signing_keys(state, now=NOW)
    old = SigningKey(PlatformKeys(state.secrets), "referral").signer()
    later, since = NOW + timedelta(days=2), NOW + timedelta(days=1)
    new = make_next("referral", now=later)
    keys = take_up(state, new, now=later, suspect_from=since)
    said = old.sign(b"x", kind="event")

    assert SigningKey(PlatformKeys(state.secrets), "referral").signer().key_id == new.public.id
    verify(said, b"x", kind="event", keys=keys, owner="referral", at=since - timedelta(seconds=1))
    with pytest.raises(SignatureRefused, match="key_suspect"):
        verify(said, b"x", kind="event", keys=keys, owner="referral", at=since)


def test_a_service_all_of_whose_keys_have_an_end_does_not_sign(state: State) -> None:
    keys = ensure_signing_keys(state, now=NOW)
    (old,) = keys.owned("intake", use="signing")
    ended = keys.with_news([old.model_copy(update={"valid_until": NOW + OVERLAP})])
    (state.secrets / PLATFORM_KEYS).write_text(ended.write())

    with pytest.raises(SecretUnusable, match="no key here that intake may sign with"):
        SigningKey(PlatformKeys(state.secrets), "intake").signer()


def test_no_log_can_show_the_private_half_of_a_key_that_waits() -> None:
    assert "Ed25519" not in repr(make_next("intake", now=NOW))
