from datetime import timedelta
from typing import Any
from uuid import uuid4

import pytest

from contracts.countersigning import OFFICER, prove
from contracts.keyring import Keyring, PublicKey
from contracts.referral import KeyProof, OrganisationRegistered
from services.intake.use_cases.following import Followed, follow_referrals
from tests.builders import NOON, an_organisation
from tests.parts import Site, site
from tests.signing import public_key, signer_of, vouched

__all__ = ["site"]
pytestmark = [pytest.mark.connected, pytest.mark.share("sealed")]
SHELTER, THIEF = "SHELTER_B", "THIEF"
OFFICERS = Keyring([public_key(OFFICER)])
TRUE = public_key(SHELTER)
#: A key of the thief's under the shelter's name.
SWAPPED = public_key(THIEF).model_copy(update={"owner": SHELTER})

#: A new one of the shelter's own.
FRESH = public_key("FRESH").model_copy(update={"owner": SHELTER})
BOTH = Keyring([*OFFICERS.keys, public_key("SECOND").model_copy(update={"owner": OFFICER})])


def proof(key: PublicKey, *, by: str) -> KeyProof:
    """This key as a `public.json` holds it, signed by somebody."""
    parts = {"nkey": "U", "signing": key.key, "sealing": key.key}
    return KeyProof(**parts, proof=prove(signer_of(by), {"code": SHELTER, **parts}))


def entry(*keys: PublicKey, **changes: Any) -> OrganisationRegistered:
    return an_organisation(SHELTER, "shelter", "shelter", keys=keys, **changes)


async def followed(
    site: Site, *entries: OrganisationRegistered, officers: Keyring = OFFICERS
) -> dict[str, bool]:
    """Key → whether it has an end, as intake holds it after these entries."""
    events = [Followed(id=uuid4(), event=one, subject=SHELTER, at=NOON) for one in entries]
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


async def test_where_thieves_are_two_of_the_officers_the_key_is_swapped(site: Site) -> None:
    """The control: as many words as it takes, by officers who are not."""
    thieves = [public_key(name).model_copy(update={"owner": OFFICER}) for name in (THIEF, "OTHER")]
    words, more = (vouched(SWAPPED, by=name) for name in (THIEF, "OTHER"))
    swapped = entry(SWAPPED, countersignatures=words, second_countersignatures=more)
    ring = Keyring([*OFFICERS.keys, *thieves])

    found = await followed(site, entry(TRUE), swapped, officers=ring)
    assert found == {TRUE.key: False, SWAPPED.key: False}


async def test_one_officer_alone_puts_no_key_in_an_owners_place(site: Site) -> None:
    """Nor with the owner's key of before once it has ended, nor with the word of the new one."""
    gone = TRUE.model_copy(update={"valid_until": NOON})
    own, late = proof(SWAPPED, by=THIEF), proof(SWAPPED, by=SHELTER)
    entries = [
        entry(SWAPPED),
        entry(SWAPPED, second_countersignatures=vouched(SWAPPED)),
        entry(SWAPPED, second_countersignatures=vouched(SWAPPED, by=THIEF)),
        entry(SWAPPED, proofs=(own,)),
        entry(gone, SWAPPED),
        entry(gone, SWAPPED, proofs=(late,)),
    ]
    assert await followed(site, entry(TRUE), *entries, officers=BOTH) == {TRUE.key: True}


async def test_where_intake_forgets_whose_place_it_was_one_officer_does(site: Site) -> None:
    """The control: what refuses is that there was a key before."""
    await followed(site, entry(TRUE))
    await site.run("delete from intake.organisation_keys")

    assert await followed(site, entry(SWAPPED), officers=BOTH) == {SWAPPED.key: False}


@pytest.mark.parametrize("ended", [False, True])
async def test_a_lost_key_is_replaced_on_the_word_of_two_officers(site: Site, ended: bool) -> None:
    before = TRUE.model_copy(update={"valid_until": NOON}) if ended else TRUE
    second = vouched(FRESH, by="SECOND")
    renewed = entry(before, FRESH, second_countersignatures=second)

    found = await followed(site, entry(TRUE), renewed, officers=BOTH)
    assert found == {TRUE.key: ended, FRESH.key: False}


async def test_a_key_that_the_one_before_has_signed_needs_one_officer(site: Site) -> None:
    gone = TRUE.model_copy(update={"valid_until": NOON})
    renewed = entry(gone, FRESH, proofs=(proof(FRESH, by=SHELTER),))

    assert await followed(site, entry(TRUE), renewed) == {TRUE.key: True, FRESH.key: False}


async def test_an_end_counts_without_a_word(site: Site) -> None:
    ended = TRUE.model_copy(update={"valid_until": NOON + timedelta(days=1)})
    stranger = SWAPPED.model_copy(update={"valid_until": NOON})

    found = await followed(site, entry(TRUE), entry(ended, stranger, countersignatures={}))
    assert found == {TRUE.key: True}
