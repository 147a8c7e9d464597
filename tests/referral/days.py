"""An office that lives by a clock which the test sets, and a postman who remembers each letter."""

import json
from collections.abc import AsyncIterator, Collection
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

from chassis.notify import Letter, NotCarried
from contracts.referral import OrganisationRegistered
from services.referral.notifier import Notifier
from services.referral.timers import Timekeeper
from tests.database_clock import DatabaseClock, clock_of
from tests.referral.offices import Office, open_office
from tests.servers import Database

MINUTE = timedelta(minutes=1)
#: Enough for a notice to be tried as often as it ever is.
TRYING = timedelta(minutes=10)


@dataclass
class Postman:
    """Takes letters, except to those whom nobody knows or nobody reaches."""

    letters: list[Letter] = field(default_factory=list)
    tried: list[str] = field(default_factory=list)
    refused: set[str] = field(default_factory=set)
    unreachable: set[str] = field(default_factory=set)

    async def carry(self, letter: Letter) -> None:
        """As a carrier does."""
        self.tried.append(letter.address)
        if letter.address in self.refused:
            raise NotCarried("refused")
        if letter.address in self.unreachable:
            raise NotCarried("unreachable")
        self.letters.append(letter)

    @property
    def addresses(self) -> list[str]:
        """To whom letters came, in order."""
        return [one.address for one in self.letters]


@dataclass(slots=True)
class Days:
    """Time passes when the test says so; whatever is due then happens."""

    office: Office
    clock: DatabaseClock
    timekeeper: Timekeeper
    notifier: Notifier
    postman: Postman

    async def pass_by(self, time: timedelta) -> None:
        """So much time passes, and everything that is due happens."""
        await self.clock.go_on(time)
        while await self.timekeeper.once() + await self.notifier.once():
            pass

    async def pass_slowly(self, time: timedelta, *, step: timedelta) -> None:
        """The same, with a look at what is due after each step."""
        while time > timedelta(0):
            await self.pass_by(min(step, time))
            time -= step

    async def names(self, organisation: str | None = None) -> list[str]:
        """What was said of referrals, by name; inside, without what was said of notices."""
        said = [name for name, _ in await self.office.said(organisation)]
        return [one for one in said if one not in NOTICES]

    async def notices(self) -> list[tuple[str, str, str]]:
        """(name without `notice.` or `referral.`, rung, organisation or reason) of each event."""
        return [
            (name.partition(".")[2], said["rung"], said.get("organisation") or said["reason"])
            for name, said in await self.office.said()
            if name in NOTICES
        ]

    async def set_contacts(self, code: str, *contacts: dict[str, Any]) -> None:
        """These posts at an organisation's seat."""
        await self.office.run(
            "update organisations set entry = jsonb_set(entry, '{units,0,contacts}',"
            f" '{json.dumps(contacts)}') where code = '{code}'"
        )


NOTICES = frozenset({"referral.escalated", "notice.sent", "notice.failed", "notice.acknowledged"})


def a_post(rung: str, phone: str, **more: Any) -> dict[str, Any]:
    """A post that is there at any hour."""
    return {"post": "Permanence", "rung": rung, "phone": phone, "duty": [], **more}


@asynccontextmanager
async def days_of(
    database: Database, directory: Collection[OrganisationRegistered], *, at_once: int = 4
) -> AsyncIterator[Days]:
    """An office with this directory."""
    path = DatabaseClock.path("referral")
    async with (
        clock_of(database) as clock,
        open_office(database, path=path, at_once=at_once) as office,
    ):
        await office.publish(*directory)
        postman = Postman()
        yield Days(office, clock, office.timekeeper(), office.notifier(postman), postman)
