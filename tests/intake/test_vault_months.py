import asyncio
import logging
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from secrets import token_bytes

import pytest

from contracts.keyring import Keyring
from contracts.sealing import Place, Sealed, SealingRefused, seal
from services.intake.vault import MonthlyKeys
from tests.builders import CANARY
from tests.intake.desks import Desk

pytestmark = pytest.mark.share("sealed")
NOVEMBER = datetime(2026, 11, 24, 10, tzinfo=UTC)
DAY = timedelta(days=1)
PLACE = Place("0190", "intake", "c0ffee", ("identity",))


def monthly(folder: Path) -> MonthlyKeys:
    return MonthlyKeys(folder / "months", token_bytes)


def sealed_in(months: MonthlyKeys, at: datetime) -> Sealed:
    """As a partner does it, who has the public keys."""
    known = Keyring(months.public_keys()).current("intake", use="sealing", at=at)
    return seal(CANARY.encode(), PLACE, keys=known)


def test_this_months_key_and_the_next_are_there_and_no_moment_is_without_one(
    tmp_path: Path,
) -> None:
    months = monthly(tmp_path)
    made = [months.renew(NOVEMBER + days * DAY).made for days in range(70)]

    assert made[0] == ("2026-11", "2026-12")
    assert [one for one in made[1:] if one] == [("2027-01",), ("2027-02",), ("2027-03",)]
    keys = months.public_keys()
    ring = Keyring(keys)
    for hours in range(0, 70 * 24, 7):
        moment = NOVEMBER + timedelta(hours=hours)
        assert len(ring.current("intake", use="sealing", at=moment)) == 1
    assert [key.valid_until for key in keys[:-1]] == [key.valid_from for key in keys[1:]]


def test_what_was_sealed_in_its_month_opens_for_100_days_after_and_then_never(
    tmp_path: Path,
) -> None:
    months = monthly(tmp_path)
    months.renew(NOVEMBER)
    sealed = sealed_in(months, NOVEMBER)
    december = datetime(2026, 12, 1, tzinfo=UTC)
    last = december + 100 * DAY - timedelta(seconds=1)

    for at in (NOVEMBER, december, last):
        assert months.renew(at).destroyed == ()
        assert months.open_inbound(sealed, PLACE, at=at).decode() == CANARY
    # Past its life it is not used, even before the hourly look has destroyed it.
    with pytest.raises(SealingRefused, match="wrong_key"):
        months.open_inbound(sealed, PLACE, at=last + timedelta(seconds=1))
    assert months.renew(last + timedelta(seconds=1)).destroyed == ("2026-11",)
    with pytest.raises(SealingRefused, match="wrong_key"):
        months.open_inbound(sealed, PLACE, at=NOVEMBER)


def test_a_public_half_stays_when_its_private_half_is_gone_and_is_not_made_again(
    tmp_path: Path,
) -> None:
    months = monthly(tmp_path)
    months.renew(NOVEMBER)
    (first, *_) = months.public_keys()
    months.renew(NOVEMBER + 200 * DAY)

    assert first in months.public_keys()
    assert not (months.folder / "2026-11.key").exists()
    assert months.renew(NOVEMBER).made == ()


@pytest.mark.parametrize(
    "place",
    [
        PLACE._replace(message_id="0191"),
        PLACE._replace(case="another"),
        PLACE._replace(sections=("notes",)),
    ],
)
def test_a_sealed_part_opens_in_its_own_place_only(tmp_path: Path, place: Place) -> None:
    months = monthly(tmp_path)
    months.renew(NOVEMBER)

    with pytest.raises(SealingRefused):
        months.open_inbound(sealed_in(months, NOVEMBER), place, at=NOVEMBER)


def test_two_processes_that_make_a_month_at_once_have_one_key(tmp_path: Path) -> None:
    """The other comes between our look and our writing."""
    one, other = monthly(tmp_path), monthly(tmp_path)
    draws = iter([lambda: other.renew(NOVEMBER)] + [lambda: None] * 9)

    def interrupted(n: int) -> bytes:
        next(draws)()
        return token_bytes(n)

    MonthlyKeys(one.folder, interrupted).renew(NOVEMBER)

    assert one.open_inbound(sealed_in(one, NOVEMBER), PLACE, at=NOVEMBER).decode() == CANARY
    assert len(one.public_keys()) == 2


def test_a_private_half_without_a_public_one_gets_it_at_the_next_look(tmp_path: Path) -> None:
    months = monthly(tmp_path)
    months.renew(NOVEMBER)
    before = months.public_keys()
    (months.folder / "2026-11.json").unlink()

    assert months.renew(NOVEMBER).made == ("2026-11",)
    assert months.public_keys() == before


async def test_a_failed_look_is_tried_again_and_names_no_key(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    (tmp_path / "months").write_text("a file where a folder should be")
    task = asyncio.create_task(monthly(tmp_path).keep_renewed(lambda: NOVEMBER))
    await asyncio.sleep(0.05)

    assert not task.done()
    task.cancel()
    assert [one.message for one in caplog.records] == ["months.failed"]


async def test_intake_has_its_keys_in_files_and_none_in_the_database(desk: Desk) -> None:
    folder = desk.site.folder / "months"

    async with asyncio.timeout(10):
        while len(list(folder.glob("*.json"))) < 2:
            await asyncio.sleep(0.05)
    assert len(list(folder.glob("*.key"))) == 2
    assert not [column for column in await columns(desk) if "private" in column]


async def columns(desk: Desk) -> Iterator[str]:
    rows = await desk.site.rows(
        "select column_name from information_schema.columns where table_schema = 'intake'"
    )
    return (row[0] for row in rows)
