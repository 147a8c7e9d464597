"""Judges which grounds stand for one recipient and purpose, and what a withdrawal takes away."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from contracts.policy.cut import Cut, Reader
from contracts.policy.need_to_know import good_grounds, may_know
from contracts.policy.refusals import DisclosureRefused
from contracts.vocabulary import codes

CONSENT = "consent"

# A child's own yes does not carry; its guardian may be who sold it, so a consulate, which may
# hand it back, needs the decision on its best interests (domain §5.3 row 15).
_MAY_GIVE: Mapping[bool, frozenset[str]] = {
    False: frozenset({"person"}),
    True: frozenset({"guardian", "best_interests"}),
}
_MAY_GIVE_A_CHILD_TO_A_CONSULATE: frozenset[str] = frozenset({"best_interests"})
#: What PostgreSQL can still tell apart.
_LEAST = timedelta(microseconds=1)


@dataclass(frozen=True, slots=True, kw_only=True)
class Scope:
    """Whom and what a line is about; what is left out means every one.

    organisation: a code. kind: an organisation kind. purpose: a code of that list. Raises
    DisclosureRefused for a code that no list holds.
    """

    organisation: str | None = None
    kind: str | None = None
    purpose: str | None = None

    def __post_init__(self) -> None:
        if self.kind is not None and self.kind not in codes("organisation_kind"):
            raise DisclosureRefused("unknown_kind", "kind")
        if self.purpose is not None and self.purpose not in codes("purpose"):
            raise DisclosureRefused("unknown_purpose", "purpose")

    def covers(self, reader: Reader) -> bool:
        """Whether this reader, for its purpose, is meant."""
        return (
            self.organisation in (None, reader.organisation)
            and self.kind in (None, reader.kind)
            and self.purpose in (None, reader.purpose)
        )

    @property
    def precision(self) -> tuple[int, int]:
        """How narrowly it names the recipient (all, a kind, one) and the purpose (all, one)."""
        recipient = 2 if self.organisation else 1 if self.kind else 0
        return recipient, int(self.purpose is not None)


@dataclass(frozen=True, slots=True, kw_only=True)
class Decision(Scope):
    """One line of consent.given, .changed or .withdrawn. is_given: False refuses or withdraws.

    by: who said it, a code of `consent_authority`.
    """

    at: datetime
    is_given: bool
    by: str

    def __post_init__(self) -> None:
        Scope.__post_init__(self)
        if self.by not in codes("consent_authority"):
            raise DisclosureRefused("unknown_authority", "by")


@dataclass(frozen=True, slots=True, kw_only=True)
class Basis(Scope):
    """A ground other than consent, as an officer recorded it: from `since`, before `until`."""

    ground: str
    since: datetime
    until: datetime | None = None

    def __post_init__(self) -> None:
        Scope.__post_init__(self)
        if self.ground == CONSENT or self.ground not in codes("ground"):
            raise DisclosureRefused("unknown_ground", "ground")

    def holds(self, at: datetime) -> bool:
        """Whether it is in force at that moment."""
        return self.since <= at and (self.until is None or at < self.until)


@dataclass(frozen=True, slots=True, kw_only=True)
class Record:
    """All that was ever decided about one person, in any order; nothing is deleted from it."""

    decisions: tuple[Decision, ...] = ()
    bases: tuple[Basis, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Fallout:
    """What a change of consent does to one earlier disclosure.

    kept: what another ground carries, or what never rested on consent, with what carries it now.
    """

    lost: frozenset[str]
    kept: Cut


def consent_stands(record: Record, reader: Reader, at: datetime) -> bool:
    """Whether somebody who may has said yes to this recipient and purpose, and no no undoes it.

    A later no always undoes, by whomever it was said. A later yes undoes a no only where it names
    recipient and purpose at least as narrowly: yes to all shelters does not reopen the one that
    she refused. Said at one moment, the narrower of the two counts, and no where they are equal.
    """
    said = [one for one in record.decisions if one.at <= at and one.covers(reader)]
    refusals = [one for one in said if not one.is_given]
    return any(
        one.is_given
        and one.by in _may_give(reader)
        and not any(_undoes(no, one) for no in refusals)
        for one in said
    )


def moment_after(earlier: Iterable[datetime], now: datetime) -> datetime:
    """When a decision of now counts as said: after all that was decided before it.

    A clock that is behind, or was put back, would else let a yes outlive the no that came after it.
    """
    return max([now, *(one + _LEAST for one in earlier)])


def standing(record: Record, reader: Reader, at: datetime) -> tuple[str, ...]:
    """The grounds that stand for this reader and its purpose at that moment, in their order.

    Only grounds that the policy knows as good for this reader, purpose and sender are among them.
    """
    stand = {one.ground for one in record.bases if one.covers(reader) and one.holds(at)}
    if consent_stands(record, reader, at):
        stand.add(CONSENT)
    stand &= good_grounds(reader)
    return tuple(ground for ground in codes("ground") if ground in stand)


def fallout(told: Cut, reader: Reader, *, record: Record, at: datetime) -> Fallout:
    """What of an earlier cut for this reader rested on consent that no longer stands.

    Groups that rested on other grounds are kept, also where those have run out since: this is
    about consent. A group that consent and another ground carried is kept by the other.
    """
    now = may_know(reader, told.stage, standing(record, reader, at)).groups
    rested = {group for group, one in told.groups.items() if CONSENT in one.grounds}
    carried = {group for group in rested if group in now and now[group].grounds}
    kept = told.without(rested - carried)
    groups = {group: now[group] if group in carried else one for group, one in kept.groups.items()}
    return Fallout(lost=frozenset(rested - carried), kept=replace(kept, groups=groups))


def _may_give(reader: Reader) -> frozenset[str]:
    if reader.is_child and reader.kind == "consular":
        return _MAY_GIVE_A_CHILD_TO_A_CONSULATE
    return _MAY_GIVE[reader.is_child]


def _undoes(no: Decision, yes: Decision) -> bool:
    is_as_narrow = all(y >= n for y, n in zip(yes.precision, no.precision, strict=True))
    if no.at == yes.at:
        return not is_as_narrow or yes.precision == no.precision
    return no.at > yes.at or not is_as_narrow
