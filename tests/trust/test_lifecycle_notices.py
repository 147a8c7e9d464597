"""Every byte that leaves as a notice is accounted for: a sentence, an address, an id."""

from collections.abc import AsyncIterator, Callable, Iterable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import timedelta
from itertools import product
from pathlib import Path
from uuid import UUID

import pytest

from chassis.notify import Carrier, Carriers, Letter, Mail, Sms, Spool
from tests.builders import an_organisation
from tests.ledger import Figure, Form
from tests.postboxes import mail_server, sms_gateway
from tests.referral.days import Days, a_post, days_of
from tests.servers import Database
from tests.trust.canaries import canary, disguises
from tests.trust.telling import say

pytestmark = [pytest.mark.connected, pytest.mark.share("lifecycle")]
DIRECTORY = (
    an_organisation("POLICE_A", "police", "immediate_safety"),
    an_organisation("SHELTER_B", "shelter", "shelter"),
    an_organisation("SOCIAL_R", "social"),
    an_organisation("COMMITTEE_N", "committee", region="00", zones=("*",)),
)
SENDER = "siraba@example.org"
RUNGS = {
    "POLICE_A": ("unit", "focal_point"),
    "SHELTER_B": ("unit", "focal_point"),
    "SOCIAL_R": ("regional_focal_point",),
    "COMMITTEE_N": ("committee",),
}
PHONES = [f"+2237000000{n}" for n in range(4)]
MAILBOXES = [f"nobody000{n}@x.example" for n in range(1, 3)]
#: As long as every address of this test, so that only the letters themselves can differ.
NOBODY = {"sms": "+22300000000", "email": "nobody0000@x.example"}
DAY = timedelta(days=1)


@dataclass(slots=True)
class Wires:
    """What left by each way. folder: of what nobody carries."""

    carriers: Carriers
    folder: Path
    mails: list[bytes]
    messages: list[bytes]

    def taken(self) -> list[bytes]:
        """All of it, and nothing is left."""
        kept = [path.read_bytes() for path in sorted(self.folder.glob("*.json"))]
        for path in self.folder.glob("*.json"):
            path.unlink()
        found = [*self.mails, *self.messages, *kept]
        self.mails.clear()
        self.messages.clear()
        return found


@asynccontextmanager
async def wires(folder: Path, *, is_spooled: bool) -> AsyncIterator[Wires]:
    """A mail server and an SMS gateway, or the folder alone."""
    async with mail_server() as mail, sms_gateway() as gateway:
        by_medium: dict[str, Carrier] = {
            "email": Mail.at(f"smtp://127.0.0.1:{mail.port}", sender=SENDER),
            "sms": Sms(gateway.url, "token"),
        }
        carriers = Carriers(Spool(folder), {} if is_spooled else by_medium)
        yield Wires(carriers, folder, mail.raw, gateway.raw)


async def forms(on: Wires) -> set[bytes]:
    """What a letter looks like in which there is nothing: in each language, by each way."""
    wanted = product(("fr", "en"), NOBODY.items())
    empty = [
        Letter(UUID(int=nth), medium, address, language)
        for nth, (language, (medium, address)) in enumerate(wanted)
    ]
    for one in empty:
        await on.carriers.carry(one)
    return {blank(raw, [str(one.id) for one in empty]) for raw in on.taken()}


def blank(raw: bytes, ids: Iterable[str]) -> bytes:
    """A letter without its address and its id."""
    for address in (*NOBODY.values(), *PHONES, *MAILBOXES):
        raw = raw.replace(address.encode(), b"<address>")
    for id in ids:
        raw = raw.replace(id.encode(), b"<id>")
    return raw


async def crowd(days: Days, count: int) -> list[str]:
    """Cases that nobody answers, full of what must not be told; their ids."""
    phones, mailboxes = iter(PHONES), iter(MAILBOXES)
    for code, rungs in RUNGS.items():
        posts = [a_post(rungs[0], next(phones))]
        posts += [{"post": canary(7), "rung": rung, "email": next(mailboxes)} for rung in rungs[1:]]
        await days.set_contacts(code, *posts)
    await days.office.run("""
        update organisations set entry = jsonb_set(entry, '{languages}', '["english"]')
        where code = 'SHELTER_B'
    """)
    cases = await days.office.offer(
        *({"age_band": "25-34", "risk": "high" if n % 3 else "low"} for n in range(count))
    )
    for nth, case in enumerate(cases):
        await days.clock.run(
            "update referral.cases set facts = facts || jsonb_build_object('note', $1::text)"
            " where case_id = $2",
            canary(nth),
            case,
        )
    return [str(case) for case in cases]


async def told_of(days: Days, cases: list[str]) -> list[str]:
    """All that could be told of these cases: their ids, their facts, who is asked for what."""
    rows = await days.office.rows("""
        select referral_id, service, urgency, organisation, owner from referrals
        union select unplaced_id, service, urgency, owner, reason from unplaced
    """)
    facts = ["12-14", "25-34", "domestic_work", "shelter", "female", "MLI", "Kita"]
    return [*cases, *facts, *(canary(n) for n in range(len(cases))), *map(str, sum(rows, ()))]


async def content_bytes(days: Days, on: Wires, count: int) -> tuple[int, int]:
    """(bytes that no empty letter accounts for, letters)."""
    known, cases = await forms(on), await crowd(days, count)
    await days.pass_slowly(10 * DAY, step=DAY / 2)
    ids = [str(row[0]) for row in await days.office.rows("select notice_id from notices")]
    letters = [blank(one, ids) for one in on.taken()]
    words = {word for one in await told_of(days, cases) for word in disguises(one).values()}
    found = sum(len(one) for one in letters if one not in known)
    found += sum(len(word) for one in letters for word in words if len(word) > 3 and word in one)
    return found, len(letters)


async def test_no_byte_of_a_case_is_in_any_notice(
    next_database: Callable[[], Database], form: Form, figure: Figure, tmp_path: Path
) -> None:
    count = form.pick(short=8, long=300)
    found = 0
    for is_spooled in (False, True):
        async with (
            days_of(next_database(), DIRECTORY) as days,
            wires(tmp_path, is_spooled=is_spooled) as on,
        ):
            days.notifier.carrier = on.carriers
            more, letters = await content_bytes(days, on, count)
        found += more
        say(f"{letters} letters{' into the folder' if is_spooled else ''}")
        assert letters > 7 * count
    figure("lifecycle.notice.content_bytes", found)
