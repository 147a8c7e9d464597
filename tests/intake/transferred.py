"""Cases of several owners who offer, accept, refuse, withdraw, merge and unmerge at the same time."""

import json
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from itertools import combinations
from random import Random
from typing import Any
from uuid import UUID, uuid4

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from contracts.callers import Caller
from contracts.case_number import make_case_number
from services.intake.domain.duplicates import DuplicateRefused
from services.intake.domain.transfers import TransferRefused
from services.intake.use_cases.disclosing import Discloser
from services.intake.use_cases.merging import Deciding, decide_pair, unmerge_pair
from services.intake.use_cases.transferring import (
    Acting,
    accept_transfer,
    offer_transfer,
    refuse_transfer,
    withdraw_transfer,
)
from tests.builders import NOON, coded_facts
from tests.intake.test_merging import PAIR, PLACE

OWNERS = ("POLICE_A", "SHELTER_B", "SOCIAL_C", "GEND_D")
FACTS = coded_facts(age_band="18-24", consent=[{"state": "given", "by": "person"}])
_KNOW = text("insert into organisations values (:code, 'social', 'nats')")
_FILL = text("update cases set facts = cast(:facts as jsonb)")
_CASES = text("select case_id, owner, merged_into from cases")
_OWNER = text("select owner from cases where number = :number")
_MERGED = text("""
    select pair_id, owner from duplicates join cases on case_id = parent order by random() limit 1
""")
_SAID = text("""
    select position, cast(subject as uuid), name,
           cast(convert_from(body, 'UTF8') as jsonb)->>'owner',
           cast(convert_from(body, 'UTF8') as jsonb)->>'before'
    from outbox
    where position > :heard and stream = 'INTAKE'
        and name in ('case.transferred', 'case.merged', 'case.unmerged')
    order by position
""")
_READERS = text("""
    select count(*) from disclosures join cases using (case_id)
    where ended_at is null and disclosures.organisation <> owner
""")


@dataclass(slots=True)
class World:
    """Where they act. offers: every one that was ever made, also those that have ended.

    told: who owns each case as the events up to `heard` have it; denied: what they contradicted.
    """

    engine: AsyncEngine
    by: Discloser
    chance: Random
    first: dict[UUID, str] = field(default_factory=dict)
    told: dict[UUID, str] = field(default_factory=dict)
    denied: set[UUID] = field(default_factory=set)
    heard: int = 0
    numbers: list[str] = field(default_factory=list)
    pairs: list[UUID] = field(default_factory=list)
    offers: list[tuple[UUID, str, str]] = field(default_factory=list)
    done: dict[str, int] = field(default_factory=dict)

    async def place(self, count: int) -> None:
        """So many cases, each a candidate for each."""
        async with self.engine.begin() as connection:
            for code in OWNERS:
                await connection.execute(_KNOW, {"code": code})
            for nth in range(count):
                self.numbers.append(_number(nth))
                owner = OWNERS[nth % len(OWNERS)]
                row = {"id": uuid4(), "number": self.numbers[-1], "owner": owner, "at": NOON}
                self.first[UUID(str(row["id"]))] = owner
                await connection.execute(PLACE, row)
            self.told |= self.first
            await connection.execute(_FILL, {"facts": json.dumps(FACTS)})
            for earlier, later in combinations(sorted(self.first), 2):
                self.pairs.append(uuid4())
                named = {"earlier": earlier, "later": later, "id": self.pairs[-1]}
                owners = {"one": self.first[earlier], "other": self.first[later]}
                await connection.execute(PAIR, named | owners)

    async def act(self) -> None:
        """Somebody does something: mostly who may, and often in vain, since others act meanwhile."""
        kind = self.chance.choice(("offer", "offer", "accept", "accept", "end", "merge", "unmerge"))
        try:
            async with self.engine.begin() as connection:
                done = await getattr(self, f"_{kind}")(connection)
        except (TransferRefused, DuplicateRefused):
            return
        if done:
            self.done[kind] = self.done.get(kind, 0) + 1

    def _acting(self, party: str) -> Acting:
        code = party if self.chance.random() < 0.8 else self.chance.choice(OWNERS)
        return Acting(who=Caller(organisation=code, role="focal_point"), trace=None)

    async def _offer(self, connection: AsyncConnection) -> bool:
        number, to = self.chance.choice(self.numbers), self.chance.choice(OWNERS)
        owner = str(await connection.scalar(_OWNER, {"number": number}))
        made = await offer_transfer(connection, self._acting(owner), number, to=to, by=self.by)
        if made:
            self.offers.append((made.transfer_id, owner, to))
        return made is not None

    async def _accept(self, connection: AsyncConnection) -> bool:
        # Of the newest, since those may still be open.
        for transfer_id, _, to in self.chance.sample(self.offers[-8:], min(len(self.offers), 1)):
            acting = self._acting(to)
            return bool(await accept_transfer(connection, acting, transfer_id, by=self.by))
        return False

    async def _end(self, connection: AsyncConnection) -> bool:
        for transfer_id, owner, to in self.chance.sample(
            self.offers[-8:], min(len(self.offers), 1)
        ):
            if self.chance.random() < 0.5:
                acting = self._acting(owner)
                return await withdraw_transfer(connection, acting, transfer_id, by=self.by)
            acting = self._acting(to)
            return await refuse_transfer(
                connection, acting, transfer_id, reason="capacity", by=self.by
            )
        return False

    async def _merge(self, connection: AsyncConnection) -> bool:
        pair_id = self.chance.choice(self.pairs)
        for code in OWNERS:  # whoever owns one of the two says yes
            who = Caller(organisation=code, role="focal_point")
            deciding = Deciding(who=who, pair_id=pair_id, trace=None)
            with suppress(DuplicateRefused):
                if (
                    await decide_pair(connection, deciding, same_person=True, by=self.by)
                    == "merged"
                ):
                    return True
        return False

    async def _unmerge(self, connection: AsyncConnection) -> bool:
        row = (await connection.execute(_MERGED)).first()
        if row is None:
            return False
        deciding = Deciding(who=self._acting(row.owner).who, pair_id=row.pair_id, trace=None)
        return bool(await unmerge_pair(connection, deciding, by=self.by))

    async def violations(self) -> int:
        """Cases that two had at once, that a person's other cases do not follow, or that events deny."""
        async with self.engine.connect() as connection:
            rows = {row[0]: row for row in await connection.execute(_CASES)}
            said = list(await connection.execute(_SAID, {"heard": self.heard}))
            readers = int(await connection.scalar(_READERS) or 0)
        owner = self.told
        for self.heard, case_id, name, now, before in said:
            if name == "case.transferred" and owner[case_id] != before:
                self.denied.add(case_id)
            owner[case_id] = now
        wrong = self.denied | {one for one, row in rows.items() if row.owner != owner[one]}
        wrong |= {one for one, row in rows.items() if row.owner != rows[_root(rows, one)].owner}
        return len(wrong) + readers


def _number(nth: int) -> str:
    return make_case_number(region="12", year=2026, entropy=nth.to_bytes(6, "big"))


def _root(rows: Mapping[UUID, Any], case_id: UUID) -> UUID:
    while (above := rows[case_id].merged_into) is not None:
        case_id = above
    return case_id
