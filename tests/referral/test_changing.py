import asyncio
import json

import pytest
from sqlalchemy.exc import ProgrammingError

from contracts.directory import DirectoryEntry
from services.referral.store import directory
from services.referral.store.directory import Author
from services.referral.use_cases.changing import NONE, Change, ChangedMeanwhile, change_directory
from tests.builders import an_entry, an_organisation
from tests.referral.offices import ADULT, AUTHOR, Office

pytestmark = pytest.mark.share("lifecycle")
SHELTER = an_organisation("SHELTER_B", "shelter", "shelter")
FAR = an_organisation("SHELTER_C", "shelter", "shelter", region="01", zones=("01", "12"))


async def change(
    office: Office, *changes: Change, author: Author = AUTHOR, why: str = "it moved"
) -> dict[str, int]:
    async with office.engine.begin() as connection:
        return await change_directory(connection, changes, author=author, why=why, mint=office.mint)


def changed(entry: DirectoryEntry, **fields: object) -> DirectoryEntry:
    return DirectoryEntry.model_validate(entry.model_dump() | fields)


async def announced(office: Office) -> list[dict[str, object]]:
    found = await office.rows(
        "select convert_from(body, 'UTF8') from outbox where name = 'organisation.registered'"
        " order by position"
    )
    return [json.loads(body) for (body,) in found]


async def test_each_edit_is_a_version_that_says_who_when_and_why_and_older_ones_stay(
    office: Office,
) -> None:
    first = an_entry(SHELTER)
    second = changed(first, name_fr="Foyer")
    someone = Author(organisation="COMMITTEE_C", role="operator", person="p-2")

    assert await change(office, Change(entry=first, on=NONE)) == {"SHELTER_B": 1}
    assert await change(office, Change(entry=second, on=1), author=someone) == {"SHELTER_B": 2}
    assert await change(office, Change(entry=second)) == {}

    async with office.engine.connect() as connection:
        one, two = await directory.versions(connection, "SHELTER_B")
        assert (await directory.current(connection))["SHELTER_B"].entry == second
    assert (one.version, one.entry, one.author, one.why) == (1, first, AUTHOR, "it moved")
    assert (two.version, two.entry, two.author) == (2, second, someone)
    assert one.changed_at < two.changed_at
    assert [body["name_fr"] for body in await announced(office)] == [first.name_fr, "Foyer"]


async def test_a_change_of_a_version_that_has_passed_is_refused_whole(office: Office) -> None:
    shelter, far = an_entry(SHELTER), an_entry(FAR)
    await change(office, Change(entry=shelter))
    await change(office, Change(entry=changed(shelter, name_fr="Foyer")))

    for on in (NONE, 1, 3):
        with pytest.raises(ChangedMeanwhile) as caught:
            await change(office, Change(entry=far), Change(entry=shelter, on=on))
        assert caught.value.codes == ("SHELTER_B",)
    with pytest.raises(ChangedMeanwhile):
        await change(office, Change(entry=far, on=1))
    assert await office.rows("select code, version from organisations") == [("SHELTER_B", 2)]


async def test_of_two_who_change_one_version_at_once_one_is_refused(office: Office) -> None:
    shelter = an_entry(SHELTER)
    await change(office, Change(entry=shelter))
    edits = [
        change(office, Change(entry=changed(shelter, name_fr=f"Foyer {nth}"), on=1))
        for nth in range(4)
    ]
    results = await asyncio.gather(*edits, return_exceptions=True)

    assert results.count({"SHELTER_B": 2}) == 1
    assert sum(isinstance(one, ChangedMeanwhile) for one in results) == 3


async def test_no_version_can_be_altered_or_taken_away(office: Office) -> None:
    await change(office, Change(entry=an_entry(SHELTER)))

    for statement in (
        "update organisation_versions set why = 'x'",
        "delete from organisation_versions",
    ):
        with pytest.raises(ProgrammingError, match="permission denied"):
            await office.run(statement)


async def test_a_change_keeps_the_keys_that_were_announced_and_the_officers_word(
    office: Office,
) -> None:
    await office.publish(SHELTER)
    await change(office, Change(entry=changed(an_entry(SHELTER), name_fr="Foyer")))

    before, after = await announced(office)
    assert before["keys"]
    assert after["keys"] == before["keys"]
    assert after["countersignatures"] == before["countersignatures"] != {}


async def test_posts_and_their_telephones_are_announced_to_nobody(office: Office) -> None:
    contact = {"post": "Permanence", "phone": "+22320000001", "email": "a@siraba.example"}
    unit = {"cercle": "1201", "contacts": [contact]}
    await change(office, Change(entry=changed(an_entry(SHELTER), units=[unit])))

    (body,) = await announced(office)
    assert not [word for word in contact.values() if word in json.dumps(body)]
    assert body["region"] == "12"


async def test_cercles_that_are_served_without_their_region_are_announced_as_such(
    office: Office,
) -> None:
    entry = changed(an_entry(SHELTER), zones=["1201", "1203", "01"])
    await change(office, Change(entry=entry))

    (body,) = await announced(office)
    assert (body["zones"], body["cercles"]) == (["12", "01"], ["1201", "1203"])


async def test_whoever_is_suspended_is_asked_for_nothing_until_it_takes_part_again(
    office: Office,
) -> None:
    await office.publish(SHELTER, FAR)
    await change(office, Change(entry=changed(an_entry(SHELTER), state="suspended")))
    await office.offer(ADULT)
    await change(office, Change(entry=an_entry(SHELTER)))
    await office.offer(ADULT)

    assert [one[0] for one in await office.referrals()] == ["SHELTER_C", "SHELTER_B"]
    assert [body["state"] for body in (await announced(office))[2:]] == ["suspended", "active"]
