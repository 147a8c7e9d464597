"""The rules of ending a case and of taking it up again: who takes care of the person must be certain."""

from dataclasses import dataclass


class ClosingRefused(Exception):
    """What was asked cannot be."""


class CaseIsClosed(ClosingRefused):
    """A closed case takes in nothing new: it is reopened first."""


class NotClosed(ClosingRefused):
    """Nothing that is open is reopened."""


class OfferPending(ClosingRefused):
    """Somebody has been asked to have the case, and may still accept."""


class ServiceUnderWay(ClosingRefused):
    """Somebody has begun to help the person, and nobody said that it shall end."""


class NowhereToAsk(ClosingRefused):
    """A case without place and urgency asks nobody."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    """A person's cases as they stand. has_place: whether organisations can be asked for them."""

    is_closed: bool
    is_offered: bool
    has_service: bool
    has_place: bool


def require_closable(now: Standing, *, ends_services: bool) -> None:
    """Raises `CaseIsClosed`, `OfferPending`, `ServiceUnderWay`.

    ends_services: the owner says that services which have begun shall end with the case.
    """
    if now.is_closed:
        raise CaseIsClosed
    if now.is_offered:
        raise OfferPending
    if now.has_service and not ends_services:
        raise ServiceUnderWay


def require_reopenable(now: Standing, *, asks: bool) -> None:
    """Raises `NotClosed`, `NowhereToAsk`. asks: whether somebody shall be asked for something."""
    if not now.is_closed:
        raise NotClosed
    if asks and not now.has_place:
        raise NowhereToAsk
