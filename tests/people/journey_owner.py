"""What the owner of the case does, at the browsers of the journey."""

from collections.abc import Sequence

from tests.parts import until
from tests.people.journey import Five

_A_MONTH_ON = (
    "update intake.cases set followed_since = followed_since - interval '31 days',"
    " followup_due_at = followup_due_at - interval '31 days'"
)


async def doubt(five: Five, referral: str) -> None:
    """Step 7: nobody has said that the service was given, so that there is nothing to confirm."""
    owner = five.people["owner"]
    await owner.page.goto(f"/referral/confirmations/{referral}")
    await five.look("owner", "nothing-to-confirm")


async def take_back(five: Five) -> None:
    """Step 8: the guardian is asked again, and takes back the yes to the shelter."""
    owner = five.people["owner"]
    await owner.follow('nav a[href="/intake/mine"]')
    await five.look("owner", "our-cases")
    await owner.follow(".lines a")
    await five.look("owner", "case")
    case = owner.page.url
    await owner.follow(owner.page.locator('a[href*="/choices/"]').first)
    await five.look("owner", "why-this-choice")
    await owner.page.goto(case)
    await owner.follow('a[href$="/slip"]')
    await five.look("owner", "slip")
    await owner.follow("main a")
    await owner.follow('a[href$="/consent"]')
    await owner.follow('form[action$="/consent"] button')
    await five.look("owner", "nothing-answered")
    await _say(five, "/consent", authority="guardian", consent_shelter="refused")
    await five.look("owner", "taken-back")
    await owner.follow('a[href$="/told"]')
    await owner.hand.press(owner.page.locator("summary").first)
    await five.look("owner", "who-could-see-what")
    await owner.page.goto(case)
    await report_step(five)
    await owner.page.goto(case)


async def report_step(five: Five) -> None:
    """Step 7: the gendarmerie says of its own case how far the file is."""
    owner = five.people["owner"]
    await owner.follow('a[href*="/proceedings/"]')
    form = owner.page.locator('form[action*="/proceedings/"]')
    await owner.hand.pick(form.locator("[name=state]"), "preliminary_inquiry")
    await owner.hand.pick(form.locator("[name=offence_class]"), "trafficking")
    await form.locator("[name=on]").evaluate("one => { one.max = ''; one.value = '2999-01-01' }")
    await owner.follow(form.locator("button"))
    await five.look("owner", "step-does-not-fit")
    await form.locator("[name=on]").evaluate("one => one.value = '2026-11-20'")
    await owner.follow(form.locator("button"))
    await five.look("owner", "step-reported")


async def go_on(five: Five, number: str) -> None:
    """What an owner still has to do: a new yes, an answer to who asks for the case, a follow-up."""
    await give_again(five, number)
    await hand_over(five)
    await follow_up(five)


async def give_again(five: Five, number: str) -> None:
    """The guardian says yes again: the shelter is asked anew, helps, and the owner confirms it (step 7)."""
    owner, shelter = five.people["owner"], five.people["shelter"]
    case = owner.page.url.partition("?")[0]
    await owner.page.goto(f"{case}/consent")
    await _say(five, "/consent", authority="guardian", consent_shelter="given")
    await until(lambda: _stands(five, number, "offered"))
    await shelter.page.goto("/referral/")
    await shelter.follow(".cards a.button")
    for verb in ("accept", "start", "deliver"):
        await shelter.follow(f'form[action$="/{verb}"] button')
    await until(lambda: _has_heard(five, "delivered"))
    await owner.page.goto(case)
    await owner.follow('a[href*="/confirmations/"]')
    await five.look("owner", "was-it-given")
    await owner.follow('form[action*="/confirmations/"] button')
    await five.look("owner", "it-was-given")
    await owner.page.goto(case)


async def hand_over(five: Five) -> None:
    """The shelter is asked to have the case, and has no room for it: one owner at any time."""
    owner, shelter = five.people["owner"], five.people["shelter"]
    await owner.hand.press(owner.page.locator("summary", has_text="Confier"))
    form = owner.page.locator('form[action$="/handovers"]')
    await owner.hand.pick(form.locator("[name=to]"), "SHELTER_B")
    await owner.follow(form.locator("button"))
    await five.look("owner", "may-not-be-told")
    await owner.hand.choose(form.locator("[name=agrees]"))
    await _say(five, "/handovers", authority="guardian")
    await five.look("owner", "other-asked")
    await shelter.page.goto("/intake/mine")
    await five.look("shelter", "asked-to-take-over")
    await shelter.follow('a[href*="/handovers/"]')
    offer = shelter.page.url
    await shelter.hand.press(shelter.page.locator("summary"))
    await five.look("shelter", "handover")
    await shelter.hand.choose(shelter.page.locator("[name=reason][value=capacity]"))
    await shelter.follow('form[action$="/refusal"] button')
    await shelter.page.goto(offer)
    await five.look("shelter", "handover-refused")


async def follow_up(five: Five) -> None:
    """A month on the owner asks how the girl is, plans her way home, ends the case and begins anew."""
    owner = five.people["owner"]
    await five.address.site.run(_A_MONTH_ON)
    await until(lambda: five.address.site.rows("select 1 from intake.followups"))
    await owner.page.goto("/intake/mine")
    await five.look("owner", "due")
    await owner.follow('a[href$="#followups"]')
    await _say(five, "/followups/", outcome="well")
    await owner.hand.press(owner.page.locator("summary", has_text="Prévoir"))
    await owner.page.locator("[name=planned_for]").evaluate("one => one.value = '2026-11-20'")
    await _say(five, "/returns", return_type="internal", is_voluntary="yes", is_risk_assessed="yes")
    await five.look("owner", "planned")
    await owner.page.locator("[name=completed_on]").evaluate("one => one.value = '2026-11-21'")
    await _say(five, "/returns/")
    await owner.hand.press(owner.page.locator("summary", has_text="Clore"))
    await _say(five, "/closing", reason="reunified")
    await owner.hand.press(owner.page.locator("summary", has_text="Rouvrir"))
    await five.look("owner", "closed-case")
    await _say(five, "/reopening", reason="needs_help", needs="health")
    await five.look("owner", "reopened")


async def _say(five: Five, path: str, **answers: str) -> None:
    """Choose these answers on a form of the owner's page, and send it."""
    owner = five.people["owner"]
    form = owner.page.locator(f'form[action*="{path}"]').first
    for name, value in answers.items():
        await owner.hand.choose(form.locator(f'[name="{name}"][value="{value}"]'))
    await owner.follow(form.locator("button"))


async def _stands(five: Five, number: str, state: str) -> Sequence[object]:
    return [one for one in await five.steps(number) if one == ("SHELTER_B", state)]


async def _has_heard(five: Five, step: str) -> Sequence[object]:
    query = "select 1 from intake.steps where step = :step"
    return await five.address.site.rows(query, step=step)
