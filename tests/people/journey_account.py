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


async def try_elsewhere(five: Five) -> None:
    """The institution's own sign-in is away, and where one has left it, it can be left, too."""
    person = five.people["committee"]
    await person.follow('form[action="/leave"] button')
    await person.page.goto("/login?left=1")
    await five.look("committee", "left-here")
    await person.follow('a[href="/login/provider"]')
    await five.look("committee", "provider-away")
    await person.page.goto("/login/provider/back?state=x&code=y")
    await five.look("committee", "no-answer")


async def help_colleagues(five: Five) -> None:
    """The shelter's focal point invites somebody, and somebody is said to have lost a telephone."""
    person, site = five.people["shelter"], five.address.site
    await site.run("update referral.sessions set signed_in_at = now()")
    await site.run(_SOMEBODY)
    await person.page.goto("/referral/account")
    await person.follow('a[href="/referral/people"]')
    await five.look("shelter", "people")
    await person.write("login", "é!")
    await person.hand.pick(person.page.locator("[name=role]"), "officer")
    await person.follow('form[action="/referral/people"] button')
    await five.look("shelter", "people-refused")
    await person.write("login", "b.keita")
    await person.hand.pick(person.page.locator("[name=role]"), "officer")
    await person.follow('form[action="/referral/people"] button')
    await five.look("shelter", "invitation")
    await person.page.goto("/referral/people")
    await person.follow('form[action$="/recovery"] button')
    await five.look("shelter", "people-asked")
    await site.run(_SAID_OF_ONESELF)
    await person.page.goto("/referral/account")
    await five.look("shelter", "account-told")


_SOMEBODY = """
    insert into referral.accounts (account_id, organisation, role, login, password, made_at)
    values (gen_random_uuid(), 'SHELTER_B', 'officer', 'a.diarra', 'x', now())
"""
_SAID_OF_ONESELF = """
    insert into referral.recoveries (recovery_id, account_id, asked_at)
    select gen_random_uuid(), account_id, now() from referral.accounts where login = 'shelter.mali'
"""
