from datetime import timedelta
from typing import Any

import pytest

from contracts.countersigning import OFFICER
from contracts.keyring import Keyring, PublicKey
from contracts.referral import OrganisationRegistered
from services.intake.use_cases.following import Followed, follow_referrals
from tests.builders import NOON, an_organisation
from tests.parts import Site, site
from tests.signing import public_key, vouched

__all__ = ["site"]
pytestmark = [pytest.mark.connected, pytest.mark.share("sealed")]
SHELTER, THIEF = "SHELTER_B", "THIEF"
OFFICERS = Keyring([public_key(OFFICER)])
TRUE = public_key(SHELTER)
#: A key of the thief's under the shelter's name.
SWAPPED = public_key(THIEF).model_copy(update={"owner": SHELTER})


def entry(*keys: PublicKey, **changes: Any) -> OrganisationRegistered:
    return an_organisation(SHELTER, "shelter", "shelter", keys=keys, **changes)


async def followed(
    site: Site, *entries: OrganisationRegistered, officers: Keyring = OFFICERS
) -> dict[str, bool]:
    """Key → whether it has an end, as intake holds it after these entries."""
    events = [Followed(event=one, subject=SHELTER, at=NOON) for one in entries]
    async with site.parts("intake") as parts, parts.work.begin() as connection:
        await follow_referrals(connection, events, officers=officers)
    rows = await site.rows("select key, valid_until is not null from intake.organisation_keys")
    return {str(key): bool(ended) for key, ended in rows}


async def test_a_key_that_no_officer_vouches_for_is_sealed_to_by_nobody(
    site: Site, caplog: pytest.LogCaptureFixture
) -> None:
    swapped = entry(SWAPPED, countersignatures={})
    borrowed = entry(SWAPPED, countersignatures={SWAPPED.id: vouched(TRUE)[TRUE.id]})

    assert await followed(site, entry(TRUE), swapped, borrowed) == {TRUE.key: False}
    assert [one.message for one in caplog.records].count("directory.keys_refused") == 2


async def test_where_anybodys_word_counts_the_key_is_swapped(site: Site) -> None:
    """The control: the thief is an officer too."""
    thief = public_key(THIEF).model_copy(update={"owner": OFFICER})
    word = vouched(SWAPPED, by=THIEF)
    ring = Keyring([*OFFICERS.keys, thief])

    found = await followed(site, entry(TRUE), entry(SWAPPED, countersignatures=word), officers=ring)
    assert found == {TRUE.key: False, SWAPPED.key: False}


async def test_an_end_counts_without_a_word(site: Site) -> None:
    ended = TRUE.model_copy(update={"valid_until": NOON + timedelta(days=1)})
    stranger = SWAPPED.model_copy(update={"valid_until": NOON})

    found = await followed(site, entry(TRUE), entry(ended, stranger, countersignatures={}))
    assert found == {TRUE.key: True}
