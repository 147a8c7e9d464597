"""The rules of breaking the glass: who may ask for another's dossier, and who must agree.

An organisation signs the tokens of all its people, so two of one organisation prove nothing to us:
the second person speaks for the case's owner, or is a committee's data officer.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

ROLES = ("focal_point", "data_officer")
#: How long a request waits for its second person, and how long the glass is open then.
WAITS = timedelta(hours=24)
OPENS = timedelta(hours=24)


class ExceptionRefused(Exception):
    """What was asked cannot be; `code` says why."""

    code = "refused"


class PersonUnknown(ExceptionRefused):
    """A token that names no person: two could not be told apart."""

    code = "person_required"


class OwnCase(ExceptionRefused):
    """The owner needs no exception."""

    code = "own_case"


class SamePerson(ExceptionRefused):
    """Whoever asks, and whoever has the same organisation, cannot agree to it."""

    code = "same_person"


class NotTheirs(ExceptionRefused):
    """Neither the owner's, nor a data officer of a committee."""

    code = "not_found"


class Settled(ExceptionRefused):
    """Already agreed to, or nobody did in time."""

    code = "settled"


@dataclass(frozen=True, slots=True, kw_only=True)
class Party:
    """One of the two. kind: of the organisation; person: its own opaque id."""

    organisation: str
    kind: str | None
    role: str
    person: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """A request as it stands."""

    owner: str
    organisation: str
    person: str
    lapses_at: datetime
    until: datetime | None


def ask(by: Party, *, owner: str, at: datetime) -> datetime:
    """When the request lapses. Raises `PersonUnknown`, `OwnCase`."""
    require_person(by)
    if by.organisation == owner:
        raise OwnCase
    return at + WAITS


def confirm(asked: Asked, by: Party, *, at: datetime) -> datetime:
    """Until when the dossier is open. Raises the kinds of `ExceptionRefused`."""
    # First of all: whoever has no part in it does not even learn that there is such a request.
    is_theirs = by.organisation == asked.organisation or may_confirm(by, owner=asked.owner)
    if not is_theirs:
        raise NotTheirs
    require_person(by)
    if by.organisation == asked.organisation or by.person == asked.person:
        raise SamePerson
    if asked.until is not None or at >= asked.lapses_at:
        raise Settled
    return at + OPENS


def may_confirm(by: Party, *, owner: str) -> bool:
    """Whether this is for them to decide."""
    watches = by.kind == "committee" and by.role == "data_officer"
    return by.role in ROLES and (by.organisation == owner or watches)


def within(
    dossier: Mapping[str, Mapping[str, str]],
    groups: frozenset[str],
    *,
    groups_of: Mapping[tuple[str, str], frozenset[str]],
) -> dict[str, dict[str, str]]:
    """The fields all of whose groups are open; a field that no table knows is in none."""
    parts = {
        section: {
            name: value
            for name, value in held.items()
            if (known := groups_of.get((section, name))) and known <= groups
        }
        for section, held in dossier.items()
    }
    return {section: part for section, part in parts.items() if part}


def require_person(by: Party) -> None:
    """Raises `PersonUnknown`."""
    if by.person is None:
        raise PersonUnknown
