"""What the road's oracle reads out of the directory file by brute force, the use cases decide as well."""

from collections import Counter
from functools import cache
from random import Random
from typing import Any

import pytest

from contracts.intake import CaseRegistered
from deploy.directory import load_directory
from deploy.settings import PlatformSettings
from services.referral.domain.routing import Candidate, Directory
from services.referral.store.directory import candidate_of
from services.referral.store.referrals import KnownCase
from services.referral.use_cases.announcing import Announcer, Cause
from services.referral.use_cases.offering import Asking, Offers
from tests.builders import NOON, a_mint
from tests.journeys.cases import Case, some_cases
from tests.journeys.oracle import Decide, Oracle, Outcome, by_digest
from tests.journeys.road import PARTNERS
from tests.trust.telling import say

pytestmark = pytest.mark.share("lifecycle")
SEED = 20261129
CHOICES = ("accept", "decline", "decline", "decline")
FILE = PlatformSettings().directory_file


@cache
def organisations() -> tuple[Candidate, ...]:
    return tuple(candidate_of(one.model_dump(mode="json")) for one in load_directory(FILE))


def told(case: Case, decide: Decide) -> tuple[list[tuple[Any, ...]], dict[str, str]]:
    """(service, organisation, rank) of each offer, and why a service is left; as `offer_next` does it."""
    facts = CaseRegistered.model_validate(
        {name: value for name, value in case.body.items() if name != "dossier"}
        | {"owner": case.owner, "registered_on": "2026-01-15"}
    )
    announcer = Announcer(
        mint=a_mint(),
        master_key=b"k" * 32,
        directory=Directory.of(organisations()),
        reached=frozenset(),
        at=NOON,
    )
    offers = Offers()
    known = KnownCase(
        case_id=a_mint().opaque_id(), owner=case.owner, facts=facts.model_dump(mode="json"),
        recorded_at=NOON,
    )  # fmt: skip
    asking = Asking(known, announcer=announcer, cause=Cause(), offers=offers)
    shown = {name: case.body[name] for name in ("region", "sex", "age_band")}
    for need in asking.needs:
        asked: dict[str, str] = {}
        asking.ask(need, asked=asked)
        while (last := offers.made[-1:]) and last[0].service == need.service:
            code = last[0].organisation
            if code in asked or decide(code, service=need.service, **shown) != "decline":
                break
            asked[code] = "declined"
            if case.body["risk"] == "high":
                asking.leave_to_human(need, asked=asked)
            else:
                asking.ask(need, asked=asked)
    made = [(one.service, one.organisation, one.rank) for one in offers.made]
    return made, {one.service: one.reason for one in offers.unplaced}


def expected(outcome: Outcome) -> tuple[list[tuple[Any, ...]], dict[str, str]]:
    made = [(one.service, one.organisation, one.rank) for one in outcome.offers]
    return made, dict(outcome.unplaced)


def test_of_each_case_the_same_are_asked_and_what_is_left_is_left_for_the_same_reason() -> None:
    everybody = tuple(one.code for one in organisations())
    decide = by_digest(everybody, CHOICES)
    oracle = Oracle(FILE, decide)
    reasons: Counter[tuple[bool, str]] = Counter()
    for case in some_cases(400, owners=PARTNERS, seed=Random(SEED).getrandbits(32)):
        outcome = oracle.outcome(case.owner, case.body)
        assert told(case, decide) == expected(outcome), f"seed {SEED}, {case.key}"
        reasons.update((case.body["risk"] == "high", why) for why in outcome.unplaced.values())

    say(f"seed {SEED}: {reasons}")
    assert reasons.keys() == {
        (True, "high_risk"), (True, "none_left"), (True, "no_candidate"),
        (False, "none_left"), (False, "no_candidate"),
    }  # fmt: skip
