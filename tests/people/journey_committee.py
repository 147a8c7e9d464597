"""What the committee's person does at the browsers of the journey, besides reading figures."""

from tests.people.journey import Five


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
