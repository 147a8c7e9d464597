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
