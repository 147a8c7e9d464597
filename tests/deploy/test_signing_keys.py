from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from chassis.secrets import SecretUnusable
from chassis.trust import PLATFORM_KEYS, PlatformKeys, SigningKey, Trust
from contracts.signing import SignatureRefused, verify
from contracts.topology import SERVICES
from deploy.signing_keys import (
    MARGIN,
    OVERLAP,
    ensure_signing_keys,
    platform_keys,
    rotate_signing_key,
)
from deploy.state import State

pytestmark = pytest.mark.share("sealed")
NOW = datetime(2026, 11, 24, 12, tzinfo=UTC)


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
    keys = rotate_signing_key(state, "intake", now=NOW + timedelta(hours=1))
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
    rotate_signing_key(state, "intake", now=NOW + timedelta(hours=1))
    await Trust("event", keys).refresh()

    assert signing.signer().key_id != before


def test_what_the_old_key_signed_is_good_for_ever_and_new_words_of_it_end_after_a_week(
    state: State,
) -> None:
    ensure_signing_keys(state, now=NOW)
    old = SigningKey(PlatformKeys(state.secrets), "intake").signer()
    keys = rotate_signing_key(state, "intake", now=NOW)
    said = old.sign(b"x", kind="event")

    for at in (NOW - MARGIN, NOW, NOW + OVERLAP - timedelta(seconds=1)):
        verify(said, b"x", kind="event", keys=keys, owner="intake", at=at)
    with pytest.raises(SignatureRefused, match="key_expired"):
        verify(said, b"x", kind="event", keys=keys, owner="intake", at=NOW + OVERLAP)


def test_a_second_rotation_does_not_lengthen_the_life_of_the_first_key(state: State) -> None:
    ensure_signing_keys(state, now=NOW)
    rotate_signing_key(state, "intake", now=NOW)
    rotate_signing_key(state, "intake", now=NOW + timedelta(days=3))

    ends = [key.valid_until for key in platform_keys(state).owned("intake", use="signing")]
    assert ends == [NOW + OVERLAP, NOW + timedelta(days=3) + OVERLAP, None]


def test_a_service_whose_private_key_others_may_read_does_not_sign(state: State) -> None:
    ensure_signing_keys(state, now=NOW)
    for path in state.secrets.glob("signing-*.key"):
        path.chmod(0o644)

    with pytest.raises(SecretUnusable, match="others may read it"):
        SigningKey(PlatformKeys(state.secrets), "intake").signer()
