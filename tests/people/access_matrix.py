"""Asks everything as everybody, and says what anybody got that is not theirs."""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final
from uuid import UUID

import httpx

from contracts.callers import ROLES
from contracts.policy import Reader, fields_for
from contracts.policy.tables import FieldName
from contracts.vocabulary import codes
from tests.people.access_rows import Line
from tests.people.access_world import FORM, NOBODY, OWNERS, STRANGER, World, by_pass, by_token
from tests.trust.canaries import MARK
from tests.trust.people import PERSONAL

#: Ids and a number that nothing has; the number's check symbol fits.
NOTHING: Final = str(UUID(int=7))
NO_NUMBER: Final = "ML-12-2026-7K3QXF-C"
#: What is in a path and nobody's object.
NAMES: Final[Mapping[str, str]] = {
    "service": "shelter", "code": "SHELTER_B", "verb": "accept", "withdrawal_id": NOTHING,
    "list_name": "courts", "day": "2026-05-27", "name": "committee",
    "organisation": "NOBODY", "session_id": NOTHING, "edition": "1", "language": "fr",
    "publication_id": NOTHING, "held_by": "referral", "letter_id": "1", "traced": NOTHING,
}  # fmt: skip
#: What would do something if it were theirs.
BODIES: Final[Mapping[str, Mapping[str, Any]]] = {
    "/acknowledgements": {"referral_id": "{referral_id}", "withdrawal_id": NOTHING},
    "/cases/{number}/closure": {"reason": "reintegrated"},
    "/cases/{number}/consents": {"recipient_kind": "police", "state": "given", "by": "person"},
    "/cases/{number}/consents/withdrawals": {"by": "person"},
    "/cases/{number}/erasure": {"reason": "person_asks"},
    "/cases/{number}/grounds": {"ground": "court_order"},
    "/cases/{number}/reopening": {"reason": "in_danger"},
    "/cases/{number}/returns": {
        "return_type": "internal", "is_voluntary": True, "is_risk_assessed": True,
        "planned_for": "2030-01-05",
    },
    "/cases/{number}/returns/{return_id}/completion": {"completed_on": "2026-11-20"},
    "/cases/{number}/transfers": {"organisation": STRANGER},
    "/duplicates/{pair_id}/decision": {"same_person": True},
    "/exceptions": {"case_number": "{number}", "reason": "life_in_danger", "groups": ["G2"]},
    "/followups/{followup_id}/outcome": {"outcome": "well"},
    "/transfers/{transfer_id}/refusal": {"reason": "capacity"},
    "/publications": {"year": 2025},
    "/unplaced/{unplaced_id}/choice": {"organisation": "SHELTER_B"},
    "/incidents/{incident_id}/plan/wishes": {},
}  # fmt: skip
_CANARY: Final = re.compile(re.escape(MARK) + r"(\d{6})z")


@dataclass(slots=True)
class Findings:
    """leaks: who got what, in words. asked: how many requests were judged."""

    leaks: list[str] = field(default_factory=list)
    asked: int = 0

    def judge(self, is_right: bool, what: str) -> None:
        self.asked += 1
        if not is_right:
            self.leaks.append(what)


@dataclass(frozen=True, slots=True)
class Who:
    """An organisation (NOBODY: one that nobody knows) in a role; neither: without anything."""

    organisation: str | None
    role: str


async def ask_everything(world: World, lines: Sequence[Line]) -> Findings:
    """First everybody who may not, then the owners, so that nothing has changed before."""
    found = Findings()
    for line in lines:
        for who in _without_right(line):
            await _ask_without_right(world, line, who, found)
    for line in lines:
        for role in line.roles:
            await _ask_with_right(world, line, role, found)
    return found


def _without_right(line: Line) -> Iterator[Who]:
    """Whoever is to be shown nothing, or nothing of another's."""
    if line.door == "open":
        yield Who(None, "")
        return
    yield Who(None, "")
    for role in ROLES:
        yield Who(NOBODY, role)
        yield Who(STRANGER, role)
        if role not in line.roles and line.door != "inside":
            yield Who(OWNERS[line.owner], role)


async def _ask_without_right(world: World, line: Line, who: Who, found: Findings) -> None:
    answer = await _answer(world, line, who, real=True)
    said = f"{line.name} as {who.organisation} {who.role}: {answer.status_code}"
    found.judge(not _private_in(world, answer), f"{said} shows what is another's")
    if line.door == "inside":
        return
    found.judge(answer.status_code in _expected(line, who), said)
    if line.foreign == "hidden" and answer.status_code == httpx.codes.NOT_FOUND:
        nothing = await _answer(world, line, who, real=False)
        is_same = (answer.status_code, answer.content) == (nothing.status_code, nothing.content)
        found.judge(is_same, f"{said} differs from what is not there")


def _expected(line: Line, who: Who) -> set[int]:
    if line.door == "open":
        return {200, 204, 303, 307, 401, 403, 404}
    if who.organisation in (None, NOBODY):
        return {401}
    if who.role not in line.roles:
        return {403}
    if line.foreign == "hidden":
        return {404}
    if line.foreign == "kept":
        return {403}
    # 503: a stranger that has keys and no feed.
    return {*range(200, 500), 503} - {401, 403}


async def _ask_with_right(world: World, line: Line, role: str, found: Findings) -> None:
    """A reader sees its own and no field beyond its cut; who changes something is only let in."""
    is_read = line.method == "GET"
    who = Who(OWNERS[line.owner], role)
    answer = await _answer(world, line, who, real=is_read)
    said = f"{line.name} as its own {role}: {answer.status_code}"
    if is_read:
        found.judge(answer.status_code in _read(line), said)
        beyond = _fields_in(answer) - _cut(line)
        found.judge(not beyond, f"{said} shows {sorted(beyond)}")
        has_number = world.objects["number"] in answer.text
        found.judge(not has_number or line.shows != "", f"{said} shows the number")
    else:
        is_let_in = answer.status_code not in (401, 403)
        found.judge(is_let_in or line.foreign == "kept", said)


def _read(line: Line) -> set[int]:
    """Without a question to reporting, 422 or 404 says that whoever asks may."""
    if line.foreign == "kept":
        return {403}
    return {200, 404, 422} if line.service == "reporting" else {200}


def _fields_in(answer: httpx.Response) -> set[FieldName]:
    return {PERSONAL[int(number)] for number in _CANARY.findall(answer.text)}


def _cut(line: Line) -> set[FieldName]:
    """What the policy lets the organisation itself know of an adult whose consent stands."""
    if line.shows == "owner":
        return set(PERSONAL)  # its own file, as it wrote it
    if line.shows != "recipient":
        return set()
    readers = [
        Reader(kind="shelter", relation="recipient", purpose=purpose, is_child=False)
        for purpose in codes("purpose")
    ]
    return {one for reader in readers for one in fields_for(reader, "accepted", ["consent"])}


def _private_in(world: World, answer: httpx.Response) -> bool:
    return MARK in answer.text or any(one in answer.text for one in world.private)


async def _answer(world: World, line: Line, who: Who, *, real: bool) -> httpx.Response:
    things = {**(world.objects if real else dict.fromkeys(world.objects, NOTHING))}
    things["number"] = things["number"] if real else NO_NUMBER
    path = line.path.format(**{**things, **NAMES})
    headers = _headers(line, who)
    sent: dict[str, Any] = {}
    if line.door == "form":
        sent["data"] = {"session_form": FORM, "number": things["number"], "step": "found"}
    elif line.path in BODIES and (real or line.foreign):
        sent["json"] = _filled(BODIES[line.path], things)
    elif line.path == "/directory/{code}" and line.method == "PUT":
        sent["json"] = {"entry": world.entry, "why": "A stranger wants it so."}
    elif line.path == "/reference/holidays/{day}" and line.method == "PUT":
        sent["json"] = {"fr": "Fête", "en": "Feast", "source": "A stranger says so."}
    if line.method != "GET":
        headers |= {"If-Match": '"1"', "Idempotency-Key": NOTHING}
    return await world.ask(line.service, line.method, path, headers, **sent)


def _filled(body: Mapping[str, Any], things: Mapping[str, str]) -> dict[str, Any]:
    return {
        name: value.format(**things) if isinstance(value, str) else value
        for name, value in body.items()
    }


def _headers(line: Line, who: Who) -> dict[str, str]:
    if who.organisation is None:
        return {}
    show = by_token if line.door in ("token", "inside") else by_pass
    return show(line.service, who.organisation, who.role)
