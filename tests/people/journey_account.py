"""What people do about their accounts, at the browsers of the journey."""

from tests.people.address import PASSWORD
from tests.people.journey import Five


async def look_after(five: Five) -> None:
    """The committee's person sees where they are signed in, and changes password and codes in vain."""
    person = five.people["committee"]
    await person.follow('nav a[href="/referral/account"]')
    await five.look("committee", "account")
    form = person.page.locator('form[action="/referral/account/password"]')
    for name, text in (("password", "x"), ("code", "000000"), ("new", "x" * 12), ("again", "y")):
        await person.hand.write(form.locator(f"[name={name}]"), text)
    await person.follow(form.locator("button"))
    await five.look("committee", "account-refused")
    await person.page.goto("/referral/account/codes")
    await five.look("committee", "codes")
    for name, text in (("new_code", "000000"), ("password", PASSWORD), ("code", "000000")):
        await person.write(name, text)
    await person.follow('form[action="/referral/account/codes"] button')
    await five.look("committee", "codes-refused")
