"""A plan as its owner's page shows it: its persons by what tells them apart, and each line with its reasons."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncConnection

from chassis import audit
from chassis.audit import Look
from contracts.callers import Caller
from services.referral.store import groups, referrals, timers
from services.referral.store.groups import Gathering
from services.referral.store.referrals import KnownCase
from services.referral.use_cases.announcing import Announcer
from services.referral.use_cases.explaining import (
    Said,
    Totals,
    count_plan,
    why_left,
    why_placed,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """One person and one service. organisation: None where there is no place for her.

    facts: her sex and age; none where the case is another organisation's by now. family: from 1.
    """

    case_id: UUID
    service: str
    organisation: str | None
    facts: Mapping[str, Any]
    family: int | None
    reasons: Sequence[Said]


@dataclass(frozen=True, slots=True, kw_only=True)
class SeenPlan:
    """found: as it is kept. left, placed: families together; families: by their number.

    sent_at: when it goes by itself. givers: who gives each service, and may be asked.
    """

    found: Gathering
    totals: Totals
    left: Sequence[Line]
    placed: Sequence[Line]
    families: Mapping[int, str]
    sent_at: datetime | None
    givers: Mapping[str, Sequence[str]]


async def see_plan(
    connection: AsyncConnection,
    incident_id: UUID,
    *,
    who: Caller,
    announcer: Announcer,
    language: str,
) -> SeenPlan | None:
    """The plan of an incident of theirs, with each person it shows on record; None for any other."""
    found = await groups.one(connection, incident_id)
    if found is None or found.owner != who.organisation:
        await audit.add(connection, who, [Look(action="plan", outcome="not_found", shown=0)])
        return None
    plan = found.plan or {"placed": [], "unplaced": []}
    members = {UUID(line["member"]) for line in (*plan["placed"], *plan["unplaced"])}
    cases = await referrals.known_cases(connection, members)
    own = {id: case for id, case in cases.items() if case.owner == who.organisation}
    looks = [Look(action="plan", case_id=id, parts=("G0", "G1")) for id in own]
    await audit.add(connection, who, looks or [Look(action="plan", shown=0)])
    numbers = _numbers([*plan["placed"], *plan["unplaced"]])
    reader = _Reader(own, numbers, language)
    return SeenPlan(
        found=found,
        totals=count_plan(plan),
        left=sorted(map(reader.left, plan["unplaced"]), key=_place),
        placed=sorted(map(reader.placed, plan["placed"]), key=_place),
        families={number: family for family, number in numbers.items()},
        sent_at=await timers.when(connection, incident_id) if found.state == "planned" else None,
        givers=_givers(announcer, {*_services(plan)}),
    )


@dataclass(frozen=True, slots=True)
class _Reader:
    own: Mapping[UUID, KnownCase]
    families: Mapping[str, int]
    language: str

    def placed(self, line: Mapping[str, Any]) -> Line:
        return self._line(line, line["organisation"], why_placed(line, self.language))

    def left(self, line: Mapping[str, Any]) -> Line:
        return self._line(line, None, why_left(line, self.language))

    def _line(
        self, line: Mapping[str, Any], organisation: str | None, reasons: Sequence[Said]
    ) -> Line:
        case = self.own.get(UUID(line["member"]))
        facts = {} if case is None else {name: case.facts[name] for name in ("sex", "age_band")}
        return Line(
            case_id=UUID(line["member"]),
            service=line["service"],
            organisation=organisation,
            facts=facts,
            family=self.families.get(line["family"]),
            reasons=reasons,
        )


def _numbers(lines: Sequence[Mapping[str, Any]]) -> dict[str, int]:
    """Families of two and more, from 1 on, the same way at each look."""
    persons = {(line["family"], line["member"]) for line in lines if line["family"] is not None}
    families = [family for family, _ in persons]
    several = sorted({one for one in families if families.count(one) > 1})
    return {family: number for number, family in enumerate(several, start=1)}


def _place(line: Line) -> tuple[bool, int, str, str]:
    """Families first, each together."""
    return line.family is None, line.family or 0, str(line.case_id), line.service


def _services(plan: Mapping[str, Any]) -> Iterable[str]:
    return (line["service"] for line in (*plan["placed"], *plan["unplaced"]))


def _givers(announcer: Announcer, services: Iterable[str]) -> dict[str, list[str]]:
    directory = announcer.directory
    return {
        service: sorted(
            code
            for code in directory.by_service.get(service, ())
            if not directory.by_code[code].is_suspended
        )
        for service in services
    }
