"""Draws persons: who was found, where, how and when, in the codes of a registered case."""

from datetime import date, timedelta
from random import Random

from contracts.intake import CaseRegistered
from deploy.simulation import rates
from deploy.simulation.rates import Weighted

CHILDREN = ("girl", "boy")


def draw_person(chance: Random, detected_on: date, *, owner_in: dict[str, str]) -> CaseRegistered:
    """A case of somebody who was found on that day. owner_in: who owns the cases of each region."""
    is_victim = chance.random() < rates.VICTIMS
    group = (rates.VICTIM_GROUPS if is_victim else rates.MIGRANT_GROUPS).draw(chance)
    form = rates.FORMS[group].draw(chance) if is_victim else "to_be_determined"
    region = rates.PLACES.get(form, rates.ANYWHERE).draw(chance)
    age = "child" if group in CHILDREN else "adult"
    is_vague = chance.random() < 0.03
    return CaseRegistered(
        owner=owner_in[region],
        registered_on=detected_on + timedelta(days=rates.DAYS_TO_REGISTER.draw(chance)),
        detected_on=detected_on,
        region=None if chance.random() < 0.02 else region,
        sex="female" if group in ("girl", "woman") else "male",
        age_band="unknown" if is_vague else rates.BANDS[age].draw(chance),
        citizenship=(_citizenship(form, is_victim=is_victim).draw(chance),),
        exploitation=(form,),
        offence_class=rates.OFFENCES.get(form, "trafficking") if is_victim else "migrant_smuggling",
        victim_status=rates.STATUSES.draw(chance) if is_victim else "not_a_victim",
        detection_channel=rates.CHANNELS.draw(chance),
        urgency=rates.URGENCIES.draw(chance),
        needs=_needs(chance, age),
        is_suspect_too=form == "forced_criminality" and chance.random() < 0.3,
    )


def _citizenship(form: str, *, is_victim: bool) -> Weighted[str]:
    return rates.CITIZENS.get(form, rates.MALIANS) if is_victim else rates.MIGRANTS


def _needs(chance: Random, age: str) -> tuple[str, ...]:
    wanted = rates.NEEDS_A_PERSON.draw(chance)
    return tuple(dict.fromkeys(rates.NEEDS[age].draw(chance) for _ in range(wanted)))
