"""Decides a situation as the platform does, and says in which words it differs from what is written."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import cache
from pathlib import Path
from typing import Any
from uuid import uuid4

import yaml

from contracts.identifiers import Mint
from contracts.intake import CaseRegistered
from contracts.policy import CHILD_BANDS
from deploy.directory import load_directory
from deploy.settings import PlatformSettings
from services.referral.domain.routing import Candidate, Directory, Record, Room
from services.referral.store.directory import candidate_of
from services.referral.store.referrals import KnownCase
from services.referral.use_cases.announcing import Announcer, Cause
from services.referral.use_cases.offering import Asking, Offers
from tests.builders import a_mint

HERE = Path(__file__).parent
OWNER, AT = "GEND_KITA", "2026-11-24T10:00"
USUAL: Mapping[str, Any] = {
    "detected_on": "2026-11-20",
    "registered_on": "2026-11-20",
    "detection_channel": "patrol",
    "sex": "female",
    "age_band": "25-34",
    "citizenship": ["MLI"],
    "exploitation": ["domestic_work"],
    "urgency": "urgent_72h",
}
Written = Mapping[str, Any]


@dataclass(frozen=True)
class Chosen:
    """What was decided for one service."""

    asked: str | None
    nobody: str | None
    within: str
    weighed: Mapping[str, Any]


def situations() -> list[Written]:
    """All that is written down, by file and in its order."""
    files = sorted(path for path in HERE.glob("*.yaml") if path.name != "more.yaml")
    return [one for path in files for one in yaml.safe_load(path.read_text())["situations"]]


@cache
def organisations() -> tuple[Candidate, ...]:
    """Those of the demo, and the few more that situations need."""
    files = (PlatformSettings().directory_file, HERE / "more.yaml")
    return tuple(
        candidate_of(one.model_dump(mode="json")) for file in files for one in load_directory(file)
    )


def decided(written: Written) -> dict[str, Chosen]:
    """By service, what the platform makes of the situation."""
    offers = Offers()
    asking = Asking(
        _case(written),
        announcer=_announcer(written, a_mint()),
        cause=Cause(id=str(uuid4()), trace=None),
        offers=offers,
    )
    for need in asking.needs:
        asking.ask(need, asked=written.get("before", {}))
    unplaced = {one.unplaced_id: one.reason for one in offers.unplaced}
    return {
        one.service: Chosen(one.organisation, unplaced.get(one.id), one.urgency, one.weighed)
        for one in offers.routings
    }


def differences(written: Written) -> Iterator[str]:
    """Each word of `expect` that does not hold; and a service that is asked for unawares."""
    found = decided(written)
    for service in found.keys() ^ written["expect"].keys():
        yield f"{service}: {'not expected' if service in found else 'not asked for'}"
    for service in found.keys() & written["expect"].keys():
        for word, said in written["expect"][service].items():
            got = _WORDS[word](found[service], said)
            if got != said:
                yield f"{service}: {word} is {got!r}, not {said!r}"


def _because(one: Chosen, said: list[str]) -> list[str]:
    """Those of the reasons said that were given; all that were, where one is missing."""
    given = [code for code, _ in one.weighed["ranked"][0][3]] if one.weighed["ranked"] else []
    return said if set(said) <= set(given) else given


def _not(one: Chosen, said: Mapping[str, str]) -> dict[str, str]:
    given = {code: why for (why, _), codes in one.weighed["excluded"] for code in codes}
    return {code: given.get(code, "may be asked") for code in said}


_WORDS: Mapping[str, Any] = {
    "asked": lambda one, _: one.asked,
    "nobody": lambda one, _: one.nobody,
    "within": lambda one, _: one.within,
    "because": _because,
    "by": lambda one, _: one.weighed["decided_by"],
    "next": lambda one, _: [*(place[0] for place in one.weighed["ranked"]), None, None][1],
    "not": _not,
    "rule": lambda one, _: one.weighed["why"],
    "duties": lambda one, _: one.weighed["duties"],
}


def _case(written: Written) -> KnownCase:
    at, where = _moment(written), str(written["where"])
    place = {"region": where[:2]} | ({"cercle": where} if len(where) > 2 else {})
    facts: dict[str, Any] = {**USUAL, **written.get("person", {}), **place}
    by = "guardian" if facts["age_band"] in CHILD_BANDS else "person"
    facts["consent"] = written.get("consent", [{"state": "given", "by": by}])
    facts["grounds"] = written.get("grounds", [])
    facts |= {"needs": written["needs"], "owner": written.get("owner", OWNER)}
    checked = CaseRegistered.model_validate(facts)
    return KnownCase(
        case_id=uuid4(),
        owner=checked.owner,
        facts=checked.model_dump(mode="json"),
        recorded_at=at - timedelta(minutes=1),
    )


def _announcer(written: Written, mint: Mint) -> Announcer:
    rooms = {
        (code, "shelter"): Room(left, timedelta(hours=hours))
        for code, (left, hours) in written.get("room", {}).items()
    }
    records = {
        code: Record(in_time, of) for code, (in_time, of) in written.get("answered", {}).items()
    }
    return Announcer(
        mint=mint,
        master_key=b"k" * 32,
        directory=Directory.of(organisations(), rooms=rooms, records=records),
        reached=frozenset(),
        at=_moment(written),
    )


def _moment(written: Written) -> datetime:
    return datetime.fromisoformat(written.get("at", AT)).replace(tzinfo=UTC)
