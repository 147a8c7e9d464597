"""What the committee's person does at the browsers of the journey, besides reading figures."""

from tests.people.journey import Five


async def publish(five: Five) -> None:
    """The report of this year is asked for, and the register says what becomes of it."""
    committee = five.people["committee"]
    await committee.follow('nav a[href="/reporting/register"]')
    await committee.follow('a[href="/reporting/register/new"]')
    await five.look("committee", "publish")
    await committee.follow('form[action="/reporting/register"] button')
    await five.look("committee", "register")
    assert await committee.page.locator("[role=status]").count()
