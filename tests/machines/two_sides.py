"""intake and referral on real tables: what the one says comes to the other late, twice, in any order."""

import asyncio
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import timedelta
from random import Random
from typing import Any
from uuid import UUID

from sqlalchemy import text
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import AsyncEngine

from chassis.inbox import Consumer, Raw, Received
from contracts.catalogue import EVENTS
from contracts.intake import CaseRegistered, Consent
from services.intake.domain.transfers import TransferRefused
from services.intake.use_cases.consenting import Decided, decide_consent
from tests.builders import NOON, event_headers, event_subject
from tests.intake.transferred import FACTS, World

#: So many of the newest messages may come at a time.
NEW, BATCH = 12, 5
_SAID = text("""
    select position, subject, name, body from outbox
    where stream = 'INTAKE' and position > :after order by position
""")
_HERE = text("""
    select case_id, owner, (
        select coalesce(jsonb_agg(jsonb_build_object('kind', recipient_kind, 'state', state)
                                  order by at), '[]')
        from consents where consents.case_id = cases.case_id) as words
    from cases
""")
_THERE = text("""
    select case_id, owner, (
        select coalesce(jsonb_agg(jsonb_build_object('kind', one->'line'->>'recipient_kind',
                                                     'state', one->'line'->>'state') order by nth), '[]')
        from jsonb_array_elements(decided) with ordinality as said(one, nth)) as words
    from cases
""")
_OTHERS = text("""
    select count(*) from referrals join cases using (case_id) where referrals.owner <> cases.owner
""")


@dataclass(slots=True)
class TwoSides:
    """The world of intake, and referral's consumer. sent: all that ever was; missing: not come yet."""

    world: World
    referral: AsyncEngine
    consumer: Consumer
    chance: Random
    sent: list[Received] = field(default_factory=list)
    missing: list[Received] = field(default_factory=list)
    numbers: dict[str, int] = field(default_factory=dict)
    position: int = 0

    def register(self) -> None:
        """Every case of the world is told of."""
        for case_id, owner in self.world.first.items():
            facts = {**FACTS, "owner": owner, "registered_on": "2026-11-24"}
            self._send(str(case_id), CaseRegistered.model_validate(facts).encode(), CaseRegistered)

    async def act(self, at_once: int) -> None:
        """So many do something at the same time, while old and new messages come twice over."""
        acts = [self.world.act() for _ in range(at_once)]
        await asyncio.gather(*acts, self._says(), self._some_come(), self._some_come())
        await self._send_new()

    async def end(self) -> None:
        """All that is missing comes, in any order, to two processes of one service."""
        self.chance.shuffle(self.missing)
        while self.missing:
            batches = [self._batch(self.missing), self._batch(self.missing[::-1])]
            await asyncio.gather(*(self._come(one) for one in batches))

    async def differences(self) -> int:
        """Cases of which both sides do not know the same owner and words, in the same order."""
        here = await self._rows(self.world.engine, _HERE)
        there = await self._rows(self.referral, _THERE)
        async with self.referral.connect() as connection:
            others = int(await connection.scalar(_OTHERS) or 0)
        return others + sum(here[one] != there.get(one) for one in here)

    async def _says(self) -> None:
        case_id = self.chance.choice(list(self.world.first))
        kind, state = (
            self.chance.choice(("shelter", "health")),
            self.chance.choice(("given", "refused")),
        )
        line = Consent(recipient_kind=kind, state=state, by="person")
        decided = Decided(line=line, owner="POLICE_A", is_withdrawal=False, trace=None)
        with suppress(TransferRefused):
            async with self.world.engine.begin() as connection:
                await decide_consent(connection, case_id, decided, by=self.world.by)

    async def _some_come(self) -> None:
        await self._come([self.chance.choice(self.sent[-NEW:]) for _ in range(BATCH)])

    async def _come(self, batch: list[Received]) -> None:
        if not batch:
            return
        try:
            await self.consumer.act(batch)
        except DBAPIError as failed:
            # Without the order of a case two batches may stop each other; what failed comes again.
            if self.consumer.ordered or "deadlock detected" not in str(failed.orig):
                raise
            return
        came = set(map(id, batch))
        self.missing = [one for one in self.missing if id(one) not in came]

    @staticmethod
    def _batch(waiting: list[Received]) -> list[Received]:
        return waiting[:BATCH]

    async def _send_new(self) -> None:
        async with self.world.engine.connect() as connection:
            rows = list(await connection.execute(_SAID, {"after": self.position}))
        types = {kind.name: kind for kind in EVENTS.values()}
        for row in rows:
            self.position = row.position
            self._send(row.subject, bytes(row.body), types[row.name])

    def _send(self, subject: str, body: bytes, kind: Any) -> None:
        """With its number in its case, and a time that a server a day off would write on it."""
        self.numbers[subject] = number = self.numbers.get(subject, 0) + 1
        message = kind.model_validate_json(body)
        raw = Raw(
            subject=event_subject(message, subject),
            headers=event_headers(message, case_id=subject, number=number),
            body=message.encode(),
            stream="INTAKE",
            sequence=len(self.sent) + 1,
            recorded_at=NOON + timedelta(days=self.chance.choice((-1, 0, 1))),
        )
        self.sent.append(self.consumer.read(raw))
        self.missing.append(self.sent[-1])

    @staticmethod
    async def _rows(engine: AsyncEngine, query: Any) -> dict[UUID, tuple[str, Any]]:
        async with engine.connect() as connection:
            return {row.case_id: (row.owner, row.words) for row in await connection.execute(query)}
