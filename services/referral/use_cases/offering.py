"""Asking organisations: the first in rank for each need, the next one after a decline."""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncConnection

from chassis import outbox
from chassis.outbox import Outgoing
from contracts import policy
from contracts.intake import CaseRegistered
from contracts.vocabulary.reference import holidays_between
from services.referral.domain.deadlines import Step, pause
from services.referral.domain.placement import waits_for_plan
from services.referral.domain.routing import HOURS, Need, Ranked, View, needs_of
from services.referral.store import referrals, routings, timers, unplaced
from services.referral.store.groups import Joined
from services.referral.store.referrals import KnownCase, Referral
from services.referral.store.routings import Routing
from services.referral.store.timers import Timer
from services.referral.store.unplaced import Unplaced
from services.referral.use_cases.announcing import Announcer, Cause
from services.referral.use_cases.escalating import call_next_rung, climbing
from services.referral.use_cases.gathering import find_gathering, join
from services.referral.use_cases.weighing import situation_of, weigh

#: What decided where a person has chosen.
CHOSEN = "person"
#: What decided where somebody was placed with the others of an incident.
TOGETHER = "group"
_A_DAY, _LONGEST = timedelta(days=1), timedelta(hours=max(HOURS.values()))


@dataclass(frozen=True, slots=True, kw_only=True)
class NewCase:
    """A registered case as the consumer hands it on."""

    case_id: UUID
    facts: CaseRegistered
    recorded_at: datetime
    cause: Cause


@dataclass(slots=True)
class Offers:
    """What one transaction decided, to be written in a handful of statements.

    causes: what each unplaced service follows from, by its id.
    """

    made: list[Referral] = field(default_factory=list)
    unplaced: list[Unplaced] = field(default_factory=list)
    routings: list[Routing] = field(default_factory=list)
    causes: dict[UUID, Cause] = field(default_factory=dict)
    messages: list[Outgoing] = field(default_factory=list)


async def offer_referrals(
    connection: AsyncConnection, cases: Sequence[NewCase], *, announcer: Announcer
) -> None:
    """For each new case, one offer per service needed, or the word that nobody is there."""
    known = [
        KnownCase(
            case_id=case.case_id,
            owner=case.facts.owner,
            facts=case.facts.model_dump(mode="json"),
            recorded_at=case.recorded_at,
        )
        for case in cases
    ]
    await referrals.save_cases(connection, known)
    gathering = await find_gathering(connection, [case.facts for case in cases])
    offers, joined = Offers(), []
    for one, case in zip(known, cases, strict=True):
        asking = Asking(one, announcer=announcer, cause=case.cause, offers=offers)
        waiting: tuple[str, ...] = ()
        if case.facts.incident_id in gathering:
            waiting = tuple(need.service for need in asking.needs if waits_for_plan(need))
            joined.append(Joined(one.case_id, case.facts.incident_id, one.owner, waiting))
        for need in asking.needs:
            if need.service not in waiting:
                asking.ask(need, asked={})
    await join(connection, joined)
    await write(connection, offers, announcer=announcer)


async def offer_next(
    connection: AsyncConnection,
    unanswered: Sequence[tuple[Referral, Cause]],
    *,
    announcer: Announcer,
) -> None:
    """After a decline, or none in time: the next in rank; at high risk a human decides first."""
    ids = {one.case_id for one, _ in unanswered}
    known = await referrals.known_cases(connection, ids, is_asking=True)
    asked = asked_of(await referrals.asked_for(connection, ids))
    offers = Offers()
    for one, cause in unanswered:
        if known[one.case_id].is_closed:
            continue
        asking = Asking(known[one.case_id], announcer=announcer, cause=cause, offers=offers)
        need = asking.need_of(one.service, one.urgency)
        before = asked[one.case_id, one.service]
        if asking.case.facts["risk"] == "high":
            asking.leave_to_human(need, asked=before)
        else:
            asking.ask(need, asked=before)
    await write(connection, offers, announcer=announcer)


class Asking:
    """Asks for the needs of one case; what is decided is put to `offers`."""

    def __init__(
        self, case: KnownCase, *, announcer: Announcer, cause: Cause, offers: Offers
    ) -> None:
        self.case = case
        self._announcer = announcer
        self._cause = cause
        self._offers = offers
        self._permit = announcer.permit(case)
        self.situation = situation_of(
            self._permit.facts,
            owner=case.owner,
            owner_kind=self._permit.owner_kind,
        )

    def is_carried(self, service: str) -> bool:
        """Whether anybody who gives this service may be told at all."""
        directory = self._announcer.directory
        giving = (directory.by_code[code] for code in directory.by_service.get(service, ()))
        return any(self._permit.may_tell(one, service) for one in giving if not one.is_suspended)

    @property
    def needs(self) -> list[Need]:
        """A case without needs, place or urgency is counted and asks nobody."""
        if self.situation is None or not self.situation.needs:
            return []
        return needs_of(self.situation)

    def need_of(self, service: str, urgency: str) -> Need:
        """What this service was asked for."""
        same = (need for need in self.needs if need.service == service)
        return next(same, Need(service=service, urgency=urgency))

    def ask(self, need: Need, *, asked: Mapping[str, str]) -> None:
        """One offer to the best of those not asked yet, or unplaced. asked: state by organisation."""
        ranked, weighed = self._weigh(need, asked)
        if not ranked:
            self._leave(need, reason=_nobody(asked), weighed=weighed)
            return
        self._offer(need, ranked[0], rank=len(asked) + 1, weighed=weighed)

    def candidates(self, need: Need, *, asked: Mapping[str, str]) -> Sequence[Ranked]:
        """Whom to ask, the best first."""
        return self._weigh(need, asked)[0]

    def excluded(self, need: Need) -> Mapping[str, str]:
        """By organisation that gives the service and is not asked, the code of the reason."""
        _, weighed = self._weigh(need, {})
        return {code: why for (why, _), codes in weighed["excluded"] for code in codes}

    def ask_chosen(
        self,
        need: Need,
        organisation: str,
        *,
        asked: Mapping[str, str],
        role: str | None,
        by: str = CHOSEN,
    ) -> bool:
        """One offer to whom a person of this role, or the plan, chose; False where it is no candidate."""
        ranked, weighed = self._weigh(need, asked)
        chosen = next((one for one in ranked if one.code == organisation), None)
        if chosen is not None:
            weighed |= {"decided_by": by}
            self._offer(need, chosen, rank=len(asked) + 1, weighed=weighed, role=role)
        return chosen is not None

    def leave_to_human(self, need: Need, *, asked: Mapping[str, str]) -> None:
        """Ask nobody; what is kept of the choice shows whom a human might ask, if there is anybody."""
        ranked, weighed = self._weigh(need, asked)
        self._leave(need, reason="high_risk" if ranked else _nobody(asked), weighed=weighed)

    def _weigh(
        self, need: Need, asked: Mapping[str, str]
    ) -> tuple[Sequence[Ranked], dict[str, Any]]:
        assert self.situation is not None  # noqa: S101 - without a place there is no need
        at = self._announcer.at
        directory = self._announcer.directory
        by_law = holidays_between((at - _A_DAY).date(), (at + _LONGEST).date())
        view = View(
            case=self.situation,
            need=need,
            directory=directory,
            telling=self._permit,
            at=at,
            holidays=by_law | directory.holidays,
        )
        route, weighed = weigh(view, asked)
        return route.ranked, weighed

    def _offer(
        self,
        need: Need,
        to: Ranked,
        *,
        rank: int,
        weighed: dict[str, Any],
        role: str | None = None,
    ) -> None:
        one = to.organisation
        ground = self._permit.ground(one.code, one.kind, service=need.service)
        assert ground is not None  # noqa: S101 - whom nothing carries an offer to is excluded
        offered = Referral(
            referral_id=self._announcer.mint.opaque_id(),
            case_id=self.case.case_id,
            owner=self.case.owner,
            organisation=one.code,
            organisation_kind=one.kind,
            service=need.service,
            urgency=need.urgency,
            ground=ground,
            rank=rank,
            state="offered",
        )
        self._keep(offered.referral_id, need, organisation=one.code, weighed=weighed)
        self._offers.made.append(offered)
        self._offers.messages += self._announcer.offered(
            offered,
            self.case,
            cause=self._cause,
            policy_version=policy.VERSION,
            chosen_by_role=role,
        )

    def _leave(self, need: Need, *, reason: str, weighed: dict[str, Any]) -> None:
        left = Unplaced(
            unplaced_id=self._announcer.mint.opaque_id(),
            case_id=self.case.case_id,
            owner=self.case.owner,
            service=need.service,
            urgency=need.urgency,
            reason=reason,
        )
        self._keep(left.unplaced_id, need, organisation=None, weighed=weighed)
        self._offers.unplaced.append(left)
        self._offers.causes[left.unplaced_id] = self._cause
        self._offers.messages += self._announcer.unplaced(left, cause=self._cause)

    def _keep(
        self, id: UUID, need: Need, *, organisation: str | None, weighed: dict[str, Any]
    ) -> None:
        self._offers.routings.append(
            Routing(
                id=id,
                case_id=self.case.case_id,
                owner=self.case.owner,
                service=need.service,
                urgency=need.urgency,
                organisation=organisation,
                weighed=weighed,
            )
        )


async def write(connection: AsyncConnection, offers: Offers, *, announcer: Announcer) -> None:
    """Referrals with the time for their answers, unplaced services, how each was chosen, messages."""
    await referrals.save_referrals(connection, offers.made)
    await timers.start(
        connection,
        [Timer(one.referral_id, Step.REMIND, pause(one.urgency)) for one in offers.made],
    )
    await unplaced.save(connection, offers.unplaced)
    await routings.save(connection, offers.routings)
    await outbox.add(connection, offers.messages)
    if offers.unplaced:
        called = await call_next_rung(connection, offers.causes, announcer=announcer)
        await timers.start(connection, climbing(called.values()))


def asked_of(made: Iterable[Referral]) -> Mapping[tuple[UUID, str], dict[str, str]]:
    """By case and service, what became of each that was asked."""
    asked: dict[tuple[UUID, str], dict[str, str]] = defaultdict(dict)
    for one in made:
        asked[one.case_id, one.service][one.organisation] = one.state
    return asked


def _nobody(asked: Mapping[str, str]) -> str:
    """Why there is nobody to ask."""
    return "none_left" if asked else "no_candidate"
