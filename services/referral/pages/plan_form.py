"""Reads the form of a plan: one field a person and service, `+ORG` for there, `-ORG` for not there."""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Final
from uuid import UUID

from chassis.web import form_key
from contracts.callers import Caller
from services.referral.store.groups import Gathering
from services.referral.use_cases.explaining import why_refused
from services.referral.use_cases.sending_once import Form
from services.referral.use_cases.wishing import Unheard, Wanted, Wish

THERE, NOT_THERE = "+", "-"
#: Families that may go apart.
APART: Final = "apart"
_FIELD: Final = re.compile(r"([0-9a-f-]{36}) ([a-z_]{1,40})", re.ASCII)
_VERSION: Final = re.compile(r"[1-9]\d{0,8}", re.ASCII)

#: By field what is wanted there, and under `APART` the families.
Said = Mapping[str, tuple[str, ...]]


@dataclass(frozen=True, slots=True, kw_only=True)
class PlanForm:
    """A form as it came, from a page that showed one version of the plan."""

    who: Caller
    incident_id: UUID
    key: UUID
    version: int
    digest: bytes
    said: Said

    @property
    def seen(self) -> Gathering:
        """The plan that its page showed."""
        return Gathering(
            incident_id=self.incident_id,
            owner=self.who.organisation,
            state="planned",
            version=self.version,
        )

    def once(self, deed: str) -> Form:
        """A page has two forms, and one of them being sent says nothing of the other."""
        key = f"{self.key} {self.incident_id} {deed}"
        return Form(organisation=self.who.organisation, key=key, digest=self.digest)


def read_form(
    incident_id: UUID, said: Iterable[tuple[str, object]], *, who: Caller, digest: bytes
) -> PlanForm:
    """Raises Refusal without the key that came with the page."""
    given = [(name, value) for name, value in said if isinstance(value, str)]
    hidden = dict(given)
    version = hidden.get("version", "")
    return PlanForm(
        who=who,
        incident_id=incident_id,
        key=form_key(hidden),
        version=int(version) if _VERSION.fullmatch(version) else 0,
        digest=digest,
        said=_gathered((name, value) for name, value in given if value and _is_wish(name)),
    )


def said_in(wishes: Mapping[str, Any]) -> Said:
    """The wishes that a plan was made around, as the form would say them."""
    kept = [(f"{case} {service}", THERE + code) for case, service, code in wishes.get("pinned", ())]
    kept += [
        (f"{case} {service}", NOT_THERE + code)
        for case, service, code in wishes.get("forbidden", ())
    ]
    return _gathered([*kept, *((APART, family) for family in wishes.get("parted", ()))])


def wanted_of(said: Said) -> Wanted:
    """What the form says, as the use case takes it."""
    wishes = [(name, value) for name in said if name != APART for value in said[name]]
    return Wanted(
        pinned=[_wish(name, value) for name, value in wishes if value[:1] != NOT_THERE],
        forbidden=[_wish(name, value) for name, value in wishes if value[:1] == NOT_THERE],
        parted=said.get(APART, ()),
    )


def faults_of(said: Said, unheard: Unheard, language: str) -> Mapping[str, str]:
    """By field why a wish cannot be kept, in words; no words where the page knows none."""
    if unheard.field == "parted":
        return {APART: ""}
    one: Wish = getattr(wanted_of(said), unheard.field)[unheard.at]
    return {f"{one.case} {one.service}": why_refused(unheard.rule, one.organisation, language)}


def _is_wish(name: str) -> bool:
    return name == APART or _FIELD.fullmatch(name) is not None


def _wish(name: str, value: str) -> Wish:
    case, _, service = name.partition(" ")
    return Wish(case, service, value[1:])


def _gathered(pairs: Iterable[tuple[str, str]]) -> Said:
    found: dict[str, tuple[str, ...]] = {}
    for name, value in pairs:
        found[name] = (*found.get(name, ()), value)
    return found
