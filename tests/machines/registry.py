"""intake's tables on paper: the product's rules decide, and what follows is written down by hand."""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from itertools import combinations
from uuid import UUID

from contracts.cases import CaseTransferred
from contracts.event import Message
from contracts.intake import CaseMerged, CaseRegistered, CaseUnmerged, Consent, ConsentChanged
from services.intake.domain import duplicates, transfers
from services.intake.domain.duplicates import DISMISSED, MERGED, OPEN, Case, Pair
from services.intake.domain.transfers import Offer
from services.intake.store.consents import CaseFile
from tests.builders import TODAY
from tests.machines.protections import Protections


@dataclass(slots=True, kw_only=True)
class Sheet:
    """One case. first_owner: whose it was before it was merged."""

    file: CaseFile
    first_owner: str | None = None
    merged_into: UUID | None = None

    @property
    def owner(self) -> str:
        """Whose it is."""
        return self.file.owner

    @property
    def seen(self) -> Case:
        """As the rules ask about it."""
        return Case(
            case_id=self.file.case_id,
            owner=self.owner,
            first_owner=self.first_owner or self.owner,
            registered_at=self.file.registered_at,
        )


@dataclass(slots=True, kw_only=True)
class Candidate:
    """Two cases that may be one person's."""

    earlier: UUID
    later: UUID
    state: str = OPEN
    said: dict[str, bool] = field(default_factory=dict)
    link: tuple[UUID, UUID] | None = None


@dataclass(slots=True)
class Registry:
    """Each method is one transaction. said: (case, message), in the order in which it was told."""

    protected: Protections
    cases: dict[UUID, Sheet] = field(default_factory=dict)
    pairs: list[Candidate] = field(default_factory=list)
    offers: list[Offer] = field(default_factory=list)
    said: list[tuple[UUID, Message]] = field(default_factory=list)

    def register(self, events: Sequence[tuple[UUID, CaseRegistered, datetime]]) -> None:
        """Cases of which each may be the same person as each."""
        for case_id, event, at in events:
            file = CaseFile(
                case_id=case_id, owner=event.owner, owner_kind="social", facts=event,
                registered_at=at, decided=(),
            )  # fmt: skip
            self.cases[case_id] = Sheet(file=file)
            self.said.append((case_id, event))
        ids = [case_id for case_id, *_ in events]
        self.pairs = [Candidate(earlier=one, later=two) for one, two in combinations(ids, 2)]

    def offer(self, case_id: UUID, *, to: str) -> bool:
        """Its owner asks another to have the person."""
        root = self.root(case_id)
        asked = any(one.case_id == root.file.case_id and one.is_open for one in self.offers)
        if root.owner == to or asked:
            return False
        made = Offer(
            transfer_id=UUID(int=len(self.offers)), case_id=root.file.case_id,
            from_owner=root.owner, to_owner=to, ground="consent", is_open=True,
        )  # fmt: skip
        self.offers.append(made)
        return True

    def accept(self, nth: int) -> bool:
        """Whoever was asked takes it."""
        offer = self.offers[nth]
        root = self.root(offer.case_id)
        try:
            self.protected.is_owner_s(
                offer, root=root.file.case_id, owner=root.owner, is_erased=False
            )
        except transfers.Settled:
            return False
        self.end(nth)
        cases = self.below(root.file.case_id)
        self._hand_over(cases, offer.to_owner)
        root.first_owner = None
        said = CaseTransferred(owner=offer.to_owner, before=offer.from_owner, transferred_on=TODAY)
        self.said += [(case_id, said) for case_id in cases]
        return True

    def end(self, nth: int) -> None:
        """Refused, withdrawn or accepted."""
        self.offers[nth] = replace(self.offers[nth], is_open=False)

    def decide(self, nth: int, *, by: str, yes: bool) -> str | None:
        """One owner's word of a pair; where it stands, None where it is refused."""
        pair = self.pairs[nth]
        try:
            state = duplicates.state_after(self._seen(pair), by, same_person=yes)
        except duplicates.DuplicateRefused:
            return None
        pair.said[by] = yes
        if state != pair.state:
            pair.link = self._merge(pair) if state == MERGED else None
            pair.state = state
        return state

    def unmerge(self, nth: int, *, by: str) -> bool:
        """What this very pair has merged is undone."""
        pair = self.pairs[nth]
        try:
            child, _ = duplicates.link_to_undo(self._seen(pair), by)
        except duplicates.DuplicateRefused:
            return False
        root, moved = self.root(child.case_id), self.below(child.case_id)
        self.cases[child.case_id].merged_into = None
        self._hand_over(moved, child.first_owner)
        pair.said[by], pair.state, pair.link = False, DISMISSED, None
        for one in self.pairs:
            parted = (one.earlier in moved) != (one.later in moved)
            if one.state == MERGED and one.link is None and parted:
                one.state = OPEN
        owner, out_of = child.first_owner, root.file.case_id
        apart = CaseUnmerged(out_of=out_of, owner=owner, unmerged_on=TODAY)
        under = CaseMerged(into=child.case_id, owner=owner, merged_on=TODAY)
        self.said += [(one, apart if one == child.case_id else under) for one in moved]
        return True

    def consent(self, case_id: UUID, line: Consent, *, now: datetime) -> list[UUID]:
        """A word about the person; the cases for which it counts."""
        cases = self.below(self.root(case_id).file.case_id)
        for one in cases:
            sheet = self.cases[one]
            earlier = (sheet.file.registered_at, *(at for at, _ in sheet.file.decided))
            word = self.protected.dated(earlier, now), line
            sheet.file = replace(sheet.file, decided=(*sheet.file.decided, word))
            self.said.append((one, ConsentChanged(decision_id=UUID(int=len(self.said)), line=line)))
        return cases

    def root(self, case_id: UUID) -> Sheet:
        """The case under which this one's person counts."""
        while (above := self.cases[case_id].merged_into) is not None:
            case_id = above
        return self.cases[case_id]

    def below(self, case_id: UUID) -> list[UUID]:
        """This case and all that is merged into it."""
        found = [case_id]
        for one in found:
            found += [id for id, sheet in self.cases.items() if sheet.merged_into == one]
        return sorted(found)

    def _merge(self, pair: Candidate) -> tuple[UUID, UUID] | None:
        one, two = (self.root(id).seen for id in (pair.earlier, pair.later))
        if one == two:
            return None
        parent, child = duplicates.in_order(one, two)
        moved = self.below(child.case_id)
        self.cases[child.case_id].merged_into = parent.case_id
        self._hand_over(moved, parent.owner)
        said = CaseMerged(into=parent.case_id, owner=parent.owner, merged_on=TODAY)
        self.said += [(case_id, said) for case_id in moved]
        return child.case_id, parent.case_id

    def _hand_over(self, cases: list[UUID], owner: str) -> None:
        for case_id in cases:
            sheet = self.cases[case_id]
            sheet.first_owner = sheet.first_owner or sheet.owner
            sheet.file = replace(sheet.file, owner=owner)

    def _seen(self, pair: Candidate) -> Pair:
        link = pair.link and (self.cases[pair.link[0]].seen, self.cases[pair.link[1]].seen)
        return Pair(
            pair_id=UUID(int=0),
            earlier=self.cases[pair.earlier].seen,
            later=self.cases[pair.later].seen,
            state=pair.state,
            said=pair.said,
            link=link,
        )
