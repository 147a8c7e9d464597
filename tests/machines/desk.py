"""referral's tables on paper: the product's rules decide, and what follows is written down by hand."""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from uuid import UUID

from chassis.inbox.order import Place
from chassis.inbox.received import Received
from contracts.cases import CaseTransferred
from contracts.intake import CaseMerged, CaseRegistered, CaseUnmerged, ConsentEvent
from services.referral.domain.lifecycle import OPEN, WrongState, step
from services.referral.store.referrals import KnownCase
from services.referral.use_cases.permitting import Permit
from tests.builders import NOON
from tests.machines.protections import Protections

SHELTERS = ("SHELTER_1", "SHELTER_2", "SHELTER_3")
BEDS = 1


@dataclass(slots=True)
class Stay:
    """One referral. started, ended: ticks of the database's clock."""

    case_id: UUID
    organisation: str
    state: str = "offered"
    started: int | None = None
    ended: int | None = None


@dataclass(frozen=True, slots=True)
class Count:
    """What an organisation said of its beds, when, and when it came."""

    free: int
    counted: int
    came: int


@dataclass(slots=True)
class Desk:
    """Each method is one transaction; they come one after the other, as their locks make them."""

    protected: Protections
    cases: dict[UUID, KnownCase] = field(default_factory=dict)
    stays: list[Stay] = field(default_factory=list)
    unplaced: set[UUID] = field(default_factory=set)
    counts: dict[str, Count] = field(default_factory=dict)
    tick: int = 0
    _positions: dict[Place, int] = field(default_factory=dict)
    _parked: dict[Place, list[Received]] = field(default_factory=dict)
    _taken: set[UUID] = field(default_factory=set)

    def take(self, batch: Sequence[Received]) -> None:
        """Events of intake, as they come."""
        self.tick += 1
        places = {one.place for one in batch}
        last = {place: self._positions.get(place, 0) for place in places}
        waiting = [one for place in places for one in self._parked.get(place, ())]
        decided = self.protected.in_order(batch, last=last, parked=waiting)
        self._act([one for one in decided.run if isinstance(one.message, CaseRegistered)])
        self._act([one for one in decided.run if not isinstance(one.message, CaseRegistered)])
        self._positions |= decided.positions
        for one in decided.park:
            self._parked.setdefault(one.place, []).append(one)
        for place, number in decided.unpark:
            held = self._parked[place]
            self._parked[place] = [one for one in held if one.envelope.case_sequence != number]

    def answer(self, request_id: UUID, nth: int, verb: str) -> str | None:
        """One request; the state after it, None where it is refused or was taken before."""
        self.tick += 1
        if request_id in self._taken:
            return None
        self._taken.add(request_id)
        stay = self.stays[nth]
        try:
            after = step(stay.state, verb)
        except WrongState:
            return None
        if after == "accepted" and self._room(stay.organisation) <= 0:
            after = "declined"
        self._move(stay, after)
        if after == "declined":
            self._ask_next(stay.case_id)
        return after

    def count(self, organisation: str, *, free: int, at: int) -> None:
        """What it says of its beds; what was counted earlier than the last count says nothing."""
        self.tick += 1
        if self.counts[organisation].counted <= at:
            self.counts[organisation] = Count(free, at, self.tick)

    def permits(self, case_id: UUID, organisation: str, *, at: datetime) -> bool:
        """Whether consent carries an offer of shelter to this organisation."""
        permit = Permit.of(self.cases[case_id], owner_kind="social", at=at)
        return permit.ground(organisation, "shelter", service="shelter") is not None

    def _act(self, run: Sequence[Received]) -> None:
        for one in run:
            case_id, message = UUID(one.envelope.subject), one.message
            if isinstance(message, CaseRegistered):
                self.cases[case_id] = KnownCase(
                    case_id=case_id, owner=message.owner, facts=message.model_dump(mode="json"),
                    recorded_at=one.raw.recorded_at,
                )  # fmt: skip
                self._ask_next(case_id)
            elif isinstance(message, CaseMerged | CaseUnmerged | CaseTransferred):
                self.cases[case_id] = replace(self.cases[case_id], owner=message.owner)
            elif isinstance(message, ConsentEvent):
                self._decide(case_id, message, one.raw.recorded_at)

    def _decide(self, case_id: UUID, said: ConsentEvent, at: datetime) -> None:
        known = self.cases[case_id]
        earlier = (known.recorded_at, *(when for when, _ in known.decided))
        word = self.protected.dated(earlier, at), said.line
        self.cases[case_id] = replace(known, decided=(*known.decided, word))
        for stay in self.stays:
            open_here = stay.case_id == case_id and stay.state in OPEN
            if open_here and not self.permits(case_id, stay.organisation, at=at):
                self._move(stay, "withdrawn")

    def _ask_next(self, case_id: UUID) -> None:
        asked = {stay.organisation for stay in self.stays if stay.case_id == case_id}
        at = self.cases[case_id].recorded_at
        for code in SHELTERS:
            if code not in asked and self.permits(case_id, code, at=at):
                self.stays.append(Stay(case_id, code))
                return
        self.unplaced.add(case_id)

    def _move(self, stay: Stay, state: str) -> None:
        stay.state = state
        if state == "started":
            stay.started = self.tick
        if state in ("delivered", "not_delivered", "withdrawn"):
            stay.ended = self.tick

    def _room(self, organisation: str) -> int:
        count = self.counts[organisation]
        theirs = [one for one in self.stays if one.organisation == organisation]
        promised = [
            one for one in theirs if one.state in ("accepted", "started")
            and (one.started is None or one.started > count.counted)
        ]  # fmt: skip
        left = [
            one for one in theirs if one.started is not None and one.started <= count.counted
            and one.ended is not None and one.ended > count.came
        ]  # fmt: skip
        return self.protected.places(
            organisation=organisation, service="shelter", places=BEDS, free=count.free,
            counted_at=NOON, promised=len(promised), left=len(left),
        ).room  # fmt: skip
