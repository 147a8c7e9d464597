from datetime import UTC, datetime
from pathlib import Path

import pytest

from contracts.feed import KeysPublished
from contracts.keyring import Keyring, PublicKey, encode_base64url
from partners.kit import Partner, client
from partners.kit.counters import Counters, read_counters
from partners.kit.keys import PLATFORM, load_platform
from tests.partners.platform import Platform, offer
from tests.signing import SINCE, private_key, public_key

pytestmark = pytest.mark.share("sealed")
CODE = "SHELTER_A"
#: referral's next key; the tests' signer of this name has its private half.
NEWER = PublicKey(
    owner="referral",
    use="signing",
    key=encode_base64url(private_key("newer").public_key().public_bytes_raw()),
    valid_from=SINCE,
)


def news(*keys: PublicKey) -> KeysPublished:
    return KeysPublished(keys=(public_key("referral"), *keys))


def in_doubt(owner: str) -> PublicKey:
    return public_key(owner).model_copy(update={"suspect_from": datetime(2099, 1, 1, tzinfo=UTC)})


async def heard(platform: Platform, folder: Path, *, idle: float = 0.3) -> list[str]:
    """The names of what a program that starts now is handed."""
    names = []
    async with Partner.open(folder, url=platform.url) as partner:
        async for delivery in partner.deliveries(idle=idle):
            names.append(delivery.message.name)
            await delivery.done()
    return names


def counters(folder: Path) -> Counters:
    found = read_counters(folder)
    assert found is not None
    return found


async def test_a_key_is_learned_from_the_feed_and_known_after_a_restart(
    platform: Platform, shelter: Path
) -> None:
    await platform.tell(CODE, news(NEWER))
    await platform.tell(CODE, offer(), by="newer")
    assert await heard(platform, shelter) == ["keys.published", "referral.offered"]

    await platform.tell(CODE, offer(), by="newer")
    assert await heard(platform, shelter) == ["referral.offered"]
    assert load_platform(shelter).get(NEWER.id, use="signing") == NEWER


async def test_a_message_that_overtook_the_news_of_its_key_is_read_after_it(
    platform: Platform, shelter: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(client, "KEY_SECONDS", 0.3)
    await platform.tell(CODE, offer(), by="newer")
    await platform.tell(CODE, news(NEWER))

    assert await heard(platform, shelter, idle=1) == ["keys.published", "referral.offered"]
    assert (counters(shelter).quarantined, counters(shelter).gaps) == (0, ())


async def test_a_key_that_nobody_tells_of_is_not_waited_for_for_ever(
    platform: Platform, shelter: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(client, "KEY_SECONDS", 0.1)
    await platform.tell(CODE, news(NEWER), by="stranger")

    assert await heard(platform, shelter, idle=2) == []
    assert counters(shelter).quarantined == 1
    assert load_platform(shelter).get(NEWER.id, use="signing") is None
    assert await platform.unacknowledged(CODE) == 0


async def test_news_of_another_service_than_the_directorys_is_not_believed(
    platform: Platform, shelter: Path
) -> None:
    before = (shelter / PLATFORM).read_bytes()
    await platform.tell(CODE, news(NEWER), source="/siraba/intake")

    assert await heard(platform, shelter) == []
    assert (shelter / PLATFORM).read_bytes() == before


async def test_a_key_in_doubt_may_say_so_and_brings_in_none(
    platform: Platform, shelter: Path
) -> None:
    await platform.tell(CODE, KeysPublished(keys=(in_doubt("referral"), NEWER)))
    assert await heard(platform, shelter) == ["keys.published"]

    ring = load_platform(shelter)
    assert ring.get(public_key("referral").id, use="signing") == in_doubt("referral")
    assert ring.get(NEWER.id, use="signing") is None


async def test_a_file_put_in_place_by_hand_takes_out_what_a_thief_brought_in(
    platform: Platform, shelter: Path
) -> None:
    async with Partner.open(shelter, url=platform.url) as partner:
        await platform.tell(CODE, news(NEWER))
        async for delivery in partner.deliveries(idle=0.3):
            await delivery.done()
        assert load_platform(shelter).get(NEWER.id, use="signing") == NEWER
        handed_over = Keyring([in_doubt("referral"), public_key("intake")])
        (shelter / PLATFORM).write_text(handed_over.write())
        await platform.tell(CODE, offer(), by="newer")

        assert [one async for one in partner.deliveries(idle=0.3)] == []


async def test_news_that_contradicts_a_known_key_is_kept_aside(
    platform: Platform, shelter: Path
) -> None:
    stolen = public_key("intake").model_copy(update={"owner": "referral"})
    await platform.tell(CODE, news(stolen))

    assert await heard(platform, shelter) == []
    assert counters(shelter).quarantined == 1
