"""Many persons at once with a canary in every field, each disclosed to a shelter."""

import asyncio
from collections.abc import Sequence
from typing import Any
from uuid import UUID, uuid4

from contracts.event import Message
from contracts.referral import SOURCE, ReferralAccepted
from tests.builders import coded_facts, event_headers, event_subject
from tests.intake.rooms import DOSSIER, SHELTER, Case, Room, offered
from tests.parts import until, writing_as
from tests.trust.canaries import canary
from tests.trust.readable import Fields

AT_ONCE = 20
#: Numbers of canaries that one person has room for.
WIDE = 10
FIELDS = sum(map(len, DOSSIER.values()))


def fields_of(persons: range) -> Fields:
    """The canaries of these persons."""
    return frozenset(nth * WIDE + place for nth in persons for place in range(FIELDS))


async def register(room: Room, persons: range) -> list[Case]:
    """So many cases of the police, in order."""
    numbers: list[str] = []
    for start in range(persons.start, persons.stop, AT_ONCE):
        some = range(start, min(start + AT_ONCE, persons.stop))
        answers = await asyncio.gather(*(room.desk.post(_submission(nth)) for nth in some))
        numbers += [one.json()["case_number"] for one in answers]
    known = dict(await room.site.rows("select number, case_id from intake.cases"))
    return [Case(number, UUID(str(known[number]))) for number in numbers]


async def disclose(room: Room, cases: Sequence[Case]) -> None:
    """The shelter accepts each, and intake has released what it may know."""
    async with writing_as(room.site.server, "referral") as jetstream:
        for case in cases:
            for event in _accepted():
                room.numbers[case.id] += 1
                headers = event_headers(
                    event, case_id=str(case.id), number=room.numbers[case.id], source=SOURCE
                )
                subject = event_subject(event, str(case.id), service="referral")
                await jetstream.publish(subject, event.encode(), headers=headers)

    async def are_released() -> bool:
        return await room.desk.count("disclosures") == len(cases)

    await until(are_released, seconds=120)


def _submission(nth: int) -> dict[str, object]:
    numbers = iter(range(nth * WIDE, nth * WIDE + FIELDS))
    dossier = {
        section: {name: canary(next(numbers)) for name in held} for section, held in DOSSIER.items()
    }
    return coded_facts(age_band="18-24", dossier=dossier)


def _accepted() -> tuple[Message, Message]:
    said: dict[str, Any] = {
        "referral_id": uuid4(),
        "organisation": SHELTER,
        "organisation_kind": "shelter",
        "service": "shelter",
    }
    return offered(said), ReferralAccepted(**said)
