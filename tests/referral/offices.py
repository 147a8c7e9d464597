"""referral's use cases at work: a directory, cases, answers, and what was said about them."""

import json
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any
from uuid import UUID, uuid4

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from chassis.database import open_engine
from chassis.directory_keys import load_keys
from chassis.notify import Carrier
from contracts.identifiers import Mint
from contracts.incidents import IncidentOpened, IncidentRegistered
from contracts.referral import OrganisationRegistered
from contracts.requests import Request
from services.referral.gateways.placement_solver import HighsSolver
from services.referral.notifier import Notifier
from services.referral.store import groups, places
from services.referral.store.directory import Author
from services.referral.store.groups import Gathering
from services.referral.store.referrals import Referral
from services.referral.timers import Timekeeper
from services.referral.use_cases.announcing import Announcer, Cause
from services.referral.use_cases.answering import Answer, Answered, take_answers
from services.referral.use_cases.changing import Change, add_unknown, change_directory
from services.referral.use_cases.choosing import choose
from services.referral.use_cases.counting import Count, count_places
from services.referral.use_cases.following_files import Filed, FileReport, follow_files
from services.referral.use_cases.gathering import expect_persons
from services.referral.use_cases.looking import look_around
from services.referral.use_cases.notifying import acknowledge
from services.referral.use_cases.offering import NewCase, offer_referrals
from services.referral.use_cases.placing import Solver
from services.referral.use_cases.planning import Sent, confirm, draft_plan, keep_again, solved
from services.referral.use_cases.publishing import Words, take_up_keys
from services.referral.use_cases.refusing import Asked, Refused, refuse_unsupported
from tests.builders import NOON, a_case, a_mint, an_entry
from tests.servers import Database

KEY = b"k" * 32
AUTHOR = Author(organisation="COMMITTEE_C", role="operator", person="p-1")
ADULT = {"age_band": "25-34"}
TRACE = f"00-{'a' * 32}-{'b' * 16}-01"


@dataclass(slots=True)
class Office:
    """One database; each method is one transaction."""

    engine: AsyncEngine
    mint: Mint

    async def publish(self, *organisations: OrganisationRegistered) -> list[str]:
        """Bring the directory up to date, where somebody else has not had a word in it."""
        async with self.engine.begin() as connection:
            return await publish(connection, organisations, mint=self.mint)

    async def offer(self, *cases: dict[str, Any], ids: Sequence[UUID] = ()) -> list[UUID]:
        """Take in cases that differ so from the usual one; their ids."""
        chosen = list(ids) or [uuid4() for _ in cases]
        new = [
            NewCase(case_id=case_id, facts=a_case(**facts), recorded_at=NOON, cause=a_cause())
            for case_id, facts in zip(chosen, cases, strict=True)
        ]
        async with self.engine.begin() as connection:
            await offer_referrals(connection, new, announcer=await self._announcer(connection))
        return chosen

    async def answer(self, *answers: Answer) -> list[Answered]:
        """Take answers as one batch."""
        async with self.engine.begin() as connection:
            announcer = await self._announcer(connection)
            return await take_answers(connection, answers, announcer=announcer)

    async def refuse(self, *asked: Asked) -> list[Refused]:
        """Refuse as one batch what nobody handles."""
        async with self.engine.begin() as connection:
            announcer = await self._announcer(connection)
            return await refuse_unsupported(connection, asked, announcer=announcer)

    async def count(self, count: Count) -> None:
        """Take in what an organisation says of its places."""
        async with self.engine.begin() as connection:
            announcer = await self._announcer(connection)
            await count_places(connection, count, announcer=announcer, cause=a_cause())

    async def room(self, organisation: str, service: str = "shelter") -> int | None:
        """Whom it can still take; None where nobody has counted."""
        async with self.engine.connect() as connection:
            found = await places.of_service(connection, service)
        return next((one.room for one in found if one.organisation == organisation), None)

    async def file(self, organisation: str, report: FileReport) -> list[Refused]:
        """Take in one report of the police or of justice; what was refused."""
        async with self.engine.begin() as connection:
            announcer = await self._announcer(connection)
            filed = Filed(
                asked=an_asking(organisation, report),
                report=report,
                kind=announcer.kind_of(organisation),
            )
            refused, _ = await follow_files(connection, [filed], announcer=announcer)
            return refused

    async def run(self, statement: str) -> None:
        """One statement with the rights of the service."""
        async with self.engine.begin() as connection:
            await connection.execute(text(statement))

    async def open_incident(self, incident_id: UUID, *, persons: int) -> None:
        """Take in that so many persons were found at once."""
        day = NOON.date()
        said = IncidentOpened(owner="POLICE_A", opened_on=day, detected_on=day, persons=persons)
        async with self.engine.begin() as connection:
            await expect_persons(connection, {incident_id: said})

    async def end_incident(self, incident_id: UUID, *, persons: int) -> None:
        """Take in that so many of them became cases, and that nobody more will."""
        said = IncidentRegistered(owner="POLICE_A", persons=persons)
        async with self.engine.begin() as connection:
            await expect_persons(connection, {incident_id: said})

    async def confirm(self, incident_id: UUID, *, owner: str, version: int | None = None) -> Sent:
        """Send the plan of an incident, as its owner saw it."""
        async with self.engine.begin() as connection:
            seen = await self._seen(connection, incident_id, owner=owner, version=version)
            announcer = await self._announcer(connection)
            return await confirm(connection, seen, announcer=announcer, role="case_owner")

    async def wish(self, incident_id: UUID, wishes: Mapping[str, Any], *, owner: str) -> None:
        """Have the plan made again around what its owner wants."""
        async with self.engine.begin() as connection:
            seen = await self._seen(connection, incident_id, owner=owner)
            announcer = await self._announcer(connection)
            draft = await draft_plan(connection, incident_id, wishes, announcer=announcer)
        plan = solved(draft, solver=HighsSolver())
        async with self.engine.begin() as connection:
            assert await keep_again(connection, seen, draft, plan=plan)

    @staticmethod
    async def _seen(
        connection: AsyncConnection, incident_id: UUID, *, owner: str, version: int | None = None
    ) -> Gathering:
        seen = await groups.one(connection, incident_id)
        assert seen is not None
        return replace(seen, owner=owner, version=seen.version if version is None else version)

    def timekeeper(self, solver: Solver | None = None) -> Timekeeper:
        """Acts on time; no answer is under way."""
        return Timekeeper(
            engine=self.engine,
            announcer=self._announcer,
            wake_relay=_nothing,
            is_read=_yes,
            solver=solver or HighsSolver(),
        )

    def notifier(self, carrier: Carrier) -> Notifier:
        """Sends by this carrier."""
        return Notifier(
            engine=self.engine,
            carrier=carrier,
            announcer=self._announcer,
            wake_relay=_nothing,
        )

    async def acknowledge(self, notice_id: UUID, *, organisation: str) -> None:
        """Its focal point looks after it."""
        async with self.engine.begin() as connection:
            announcer = await self._announcer(connection)
            await acknowledge(
                connection, notice_id,
                organisation=organisation, role="focal_point", announcer=announcer,
            )  # fmt: skip

    async def decide(self, unplaced_id: UUID, organisation: str, *, owner: str) -> Referral:
        """The owner chooses whom to ask."""
        async with self.engine.begin() as connection:
            announcer = await self._announcer(connection)
            return await choose(
                connection, unplaced_id, organisation,
                owner=owner, role="case_owner", announcer=announcer,
            )  # fmt: skip

    async def rows(self, query: str) -> list[tuple[Any, ...]]:
        """What the tables hold."""
        async with self.engine.connect() as connection:
            return [tuple(row) for row in await connection.execute(text(query))]

    async def referrals(self) -> list[tuple[str, str, str, int]]:
        """(organisation, service, state, rank) in the order they were offered."""
        found = await self.rows(
            "select organisation, service, state, rank from referrals order by offered_at, rank"
        )
        return [(row[0], row[1], row[2], row[3]) for row in found]

    async def open_offer(self, organisation: str) -> UUID:
        """The id of the newest referral to this organisation."""
        query = "select referral_id from referrals where organisation = '{0}' order by offered_at"
        return UUID(str((await self.rows(query.format(organisation)))[-1][0]))

    async def unplaced(self) -> list[tuple[str, str]]:
        """(service, reason)."""
        found = await self.rows("select service, reason from unplaced order by service")
        return [(row[0], row[1]) for row in found]

    async def said(self, organisation: str | None = None) -> list[tuple[str, dict[str, Any]]]:
        """(name, body) of the internal events, or of one organisation's feed, in order."""
        found = await self.rows(
            "select name, convert_from(body, 'UTF8'), organisation from outbox"
            " where name <> 'organisation.registered' order by position"
        )
        return [(name, json.loads(body)) for name, body, whom in found if whom == organisation]

    async def _announcer(self, connection: AsyncConnection) -> Announcer:
        return await look_around(connection, mint=self.mint, master_key=KEY)


async def publish(
    connection: AsyncConnection, organisations: Sequence[OrganisationRegistered], *, mint: Mint
) -> list[str]:
    """Make the directory such that these are announced; the codes of those that were."""
    entries = [an_entry(one) for one in organisations]
    await add_unknown(connection, entries, author=AUTHOR, why="a test")
    changes = [Change(entry=one) for one in entries]
    changed = await change_directory(connection, changes, author=AUTHOR, why="a test", mint=mint)
    codes = {one.code for one in entries}
    keys = [key for key in await load_keys(connection) if key.owner not in codes]
    keys += [key for one in organisations for key in one.keys]
    words = {id: word for one in organisations for id, word in one.countersignatures.items()}
    return sorted({*changed, *await take_up_keys(connection, keys, Words(first=words), mint=mint)})


async def _nothing() -> None:
    """There is no relay to wake."""


async def _yes() -> bool:
    return True


def a_cause() -> Cause:
    """Some message, which was traced."""
    return Cause(id=str(uuid4()), trace=TRACE)


def an_answer(
    organisation: str, referral_id: UUID, verb: str, *, reason: str | None = None
) -> Answer:
    """One request of an organisation."""
    return Answer(
        organisation=organisation,
        referral_id=referral_id,
        verb=verb,
        request_id=uuid4(),
        cause=a_cause(),
        reason=reason or {"decline": "capacity", "fail": "no_show"}.get(verb),
    )


def a_count(organisation: str, *, places: int, free: int, at: datetime = NOON) -> Count:
    """What it says of its beds."""
    return Count(
        organisation=organisation,
        service="shelter",
        places=places,
        free=free,
        counted_at=at,
    )


def an_asking(organisation: str, request: Request) -> Asked:
    """That an organisation makes this request."""
    return Asked(
        organisation=organisation,
        request_type=request.name,
        request_id=uuid4(),
        matter=request.matter,
        referral_id=getattr(request, "referral_id", None),
        cause=a_cause(),
    )


@asynccontextmanager
async def open_office(
    database: Database, *, at_once: int = 4, path: str = "referral", seed: int = 1
) -> AsyncIterator[Office]:
    """An office for as long as the block runs. at_once: how many transactions it makes at a time.

    path: where names are looked up, if there is a `DatabaseClock`. seed: of its ids, another one for
    each office of a database.
    """
    engine = open_engine(database.url("referral_work"), schema=path, pool_size=at_once)
    try:
        yield Office(engine, a_mint(seed))
    finally:
        await engine.dispose()
