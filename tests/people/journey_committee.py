"""What the committee's person does at the browsers of the journey, besides reading figures."""

from pathlib import Path

from contracts.countersigning import OFFICER
from deploy.officer import countersign_file
from partners.kit import init
from tests.people.journey import Five
from tests.signing import signer_of


async def publish(five: Five) -> None:
    """A report is asked for, and the register says so; tests/reporting looks at these pages closer."""
    committee = five.people["committee"]
    await committee.follow('nav a[href="/reporting/register"]')
    await committee.follow('a[href="/reporting/register/new"]')
    await committee.follow('form[action="/reporting/register"] button')
    assert await committee.page.locator("[role=status]").count()


async def keep(five: Five) -> None:
    """The directory, and an organisation with the form that suspends it."""
    committee = five.people["committee"]
    await committee.follow('nav a[href="/referral/organisations"]')
    await five.look("committee", "directory")
    await committee.follow('a[href="/referral/organisations/HEALTH_F"]')
    await five.look("committee", "organisation")
    await amend(five)
    await approve(five, five.address.site.folder / "handed")


async def amend(five: Five) -> None:
    """What the directory says is changed: what does not fit is named, and what changes is read first."""
    committee = five.people["committee"]
    await committee.follow('a[href="/referral/organisations/HEALTH_F/entry"]')
    await five.look("committee", "entry")
    await committee.write("phone", "20 00 00 00")
    await committee.follow('button[value="look"]')
    await five.look("committee", "entry-fault")
    await committee.write("phone", "+223 20 00 00 00")
    await committee.follow('button[value="look"]')
    await five.look("committee", "entry-changes")
    await committee.follow('button[value="keep"]')
    await five.look("committee", "entry-without-reason")
    await committee.write("why", "Nouvelle ligne")
    await committee.follow('button[value="keep"]')
    assert await committee.page.locator("[role=status]").count()


async def approve(five: Five, folder: Path) -> None:
    """The gendarmerie hands in new keys; the committee has them countersigned, and refuses others."""
    await _hand_in(five, folder / "first")
    committee = five.people["committee"]
    await committee.follow('nav a[href="/referral/organisations"]')
    await committee.follow('a[href="/referral/keys/waiting"]')
    await five.look("committee", "keys-waiting")
    await committee.follow('a[href="/referral/keys/waiting/POLICE_A"]')
    await five.look("committee", "keys")
    file = folder / "first" / "public.json"
    await _choose(five, "committee", file)
    await five.look("committee", "keys-without-a-word")
    countersign_file(file, signer_of(OFFICER))
    await _choose(five, "committee", file)
    await five.look("committee", "keys-vouched")
    await committee.write("why", "Autres numéros au téléphone")
    await committee.follow('form[action$="/refusal"] button')
    await five.look("committee", "keys-refused")
    owner = five.people["owner"]
    await owner.page.reload()
    await five.look("owner", "keys-refused")


async def _hand_in(five: Five, folder: Path) -> None:
    owner = five.people["owner"]
    await owner.follow('nav a[href="/referral/account"]')
    await owner.follow('a[href="/referral/keys"]')
    await five.look("owner", "keys")
    init(folder, code="POLICE_A")
    await _choose(five, "owner", folder / "signing.key")
    await five.look("owner", "keys-private")
    await _choose(five, "owner", folder / "public.json")
    await five.look("owner", "keys-handed-in")


async def _choose(five: Five, who: str, file: Path) -> None:
    """The file is chosen in a window of the system, which no page has."""
    person = five.people[who]
    await person.page.set_input_files("[name=file]", file)
    await person.follow('form[enctype="multipart/form-data"] button')
