"""Withdrawals while cases keep coming: how long what rested on consent stays in the feeds."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import partial

import pytest

from contracts.feed import ConsentWithdrawn
from deploy.keys import PROVISIONER, seed_file
from tests.journeys.cases import Case, some_cases
from tests.journeys.road import Road, answering, running_road
from tests.ledger import Figure, Form
from tests.parts import until
from tests.trust.evidence import Asking, body_of
from tests.trust.load import come_to_rest, under_load
from tests.trust.streams import Stored, read_streams

pytestmark = pytest.mark.share("sealed")
SEED = 20261224
OWNER, SHELTER, HOSPITAL = "POLICE_KAYES", "SHELTER_BENKADI_KAYES", "CSREF_KAYES"
DANGER = {"ground": "vital_interest", "recipient_kind": "shelter"}
BODY = {
    "detected_on": "2026-01-15", "region": "01", "sex": "female", "age_band": "25-34",
    "citizenship": ["MLI"], "exploitation": ["domestic_work"], "detection_channel": "patrol",
    "urgency": "emergency_24h", "needs": ["shelter", "health"],
    "consent": [{"recipient_kind": k, "state": "given", "by": "person"}
                for k in ("shelter", "health")],
    "dossier": {"identity": {"full_name": "Zanakala"}, "psychosocial": {"wishes": "Zanakala"}},
}  # fmt: skip


@dataclass(slots=True)
class Asked:
    """The cases whose consent is withdrawn, by number; `kept` rest on danger to life as well."""

    numbers: list[str] = field(default_factory=list)
    kept: set[str] = field(default_factory=set)
    referrals: dict[tuple[str, str], str] = field(default_factory=dict)


def _accept(*_: object, **__: object) -> str:
    return "accept"


@pytest.mark.timeout(1200)
async def test_a_withdrawal_under_load_acts_in_time_and_takes_exactly_what_rested_on_it(
    form: Form, figure: Figure
) -> None:
    count = form.pick(short=12, long=300)
    load = some_cases(form.pick(short=2_000, long=20_000), owners=(OWNER,), seed=SEED)
    async with (
        running_road((OWNER, SHELTER, HOSPITAL)) as road,
        answering(road, _accept) as programs,
    ):
        asked = await _placed(road, count)
        async with under_load(road, load, writers=4, per_second=20):
            for number in asked.numbers:
                await _withdraw(road, number)
            await _erased(road)
        seconds, sent = await _slowest(road), await _taken_out(road)
        await come_to_rest(road, within=120)
        held = (
            await read_streams(
                road.platform.nats_url, seed_file(road.platform.state, PROVISIONER), ("OUT",)
            )
        )["OUT"]
        told = programs[SHELTER].messages(ConsentWithdrawn)
        open_now = await road.http.get("/intake/acknowledgements", headers=road.headers(OWNER))

    assert _names(held, SHELTER, asked, kept=False) == [["consent.withdrawn"]] * (count // 2)
    still = ["consent.withdrawn", "dossier.disclosed", "referral.accepted", "referral.offered",
             "referral.received"]  # fmt: skip
    assert _names(held, SHELTER, asked, kept=True) == [still] * (count - count // 2)
    untouched = ["dossier.disclosed", "referral.accepted", "referral.offered", "referral.received"]
    for kept in (True, False):
        assert {tuple(one) for one in _names(held, HOSPITAL, asked, kept=kept)} == {
            tuple(untouched)
        }
    assert len(told) == count
    assert open_now.json() == {"acknowledgements": []}
    # A withdrawal that only cancels what waits would have left so many in the feeds.
    assert sent > 0
    figure("sealed.withdraw.seconds_max", round(seconds, 2), seed=SEED, control=sent)


async def _placed(road: Road, count: int) -> Asked:
    """Cases that both recipients have accepted and been told of."""
    asked = Asked()
    for nth in range(count):
        body = BODY | ({"grounds": [DANGER]} if nth % 2 else {})
        answer = await road.submit(Case(OWNER, f"withdrawn-{nth:04d}", body))
        assert answer.status_code == 202, answer.text
        asked.numbers.append(answer.json()["case_number"])
        if nth % 2:
            asked.kept.add(asked.numbers[-1])
    for number in asked.numbers:
        await until(partial(_both_accepted, road, number, asked), seconds=60)
    await come_to_rest(road, within=120)
    return asked


async def _both_accepted(road: Road, number: str, asked: Asked) -> bool:
    steps = (await road.seen_by_owner(OWNER, number))["steps"]
    accepted = {one["organisation"]: one for one in steps if one["step"] == "accepted"}
    for code, one in accepted.items():
        asked.referrals[number, code] = one["referral_id"]
    return accepted.keys() >= {SHELTER, HOSPITAL}


async def _withdraw(road: Road, number: str) -> None:
    answer = await road.http.post(
        f"/intake/cases/{number}/consents/withdrawals",
        json={"recipient_kind": "shelter", "by": "person"},
        headers=road.headers(OWNER),
    )
    assert answer.status_code == 201, answer.text
    assert answer.json()["told"] == [SHELTER]


async def _erased(road: Road) -> None:
    async def is_done() -> bool:
        left = []
        for service in ("intake", "referral"):
            ask = Asking(road, service)
            left += await ask(
                f"select id from {service}.outbox"
                " where withdrawn_at is not null and erased_at is null"
            )
        said = await Asking(road, "referral")(
            "select case_id from referral.cases where decided <> '[]'"
        )
        decided = await Asking(road, "intake")("select decision_id from intake.consents")
        return not left and len(said) == len(decided)

    await until(is_done, seconds=60)


async def _slowest(road: Road) -> float:
    """From the decision to the moment the last message that rested on it was out of its feed."""
    slowest = 0.0
    for service in ("intake", "referral"):
        rows = await Asking(road, service)(f"""
            select case_id, extract(epoch from max(erased_at)) from {service}.outbox
            where erased_at is not null group by case_id
        """)
        query = "select case_id, extract(epoch from at) from intake.consents"
        decided = {case: float(at) for case, at in await Asking(road, "intake")(query)}
        assert len(rows) >= len(decided) // 2, "nothing was erased, so nothing was measured"
        slowest = max(slowest, *(float(end) - decided[case] for case, end in rows))
    return slowest


async def _taken_out(road: Road) -> int:
    """How many messages had been sent when the ground of each was gone."""
    query = "select id from {}.outbox where erased_at is not null and stream_sequence is not null"
    found = [await Asking(road, name)(query.format(name)) for name in ("intake", "referral")]
    return sum(map(len, found))


def _names(held: Sequence[Stored], code: str, asked: Asked, *, kept: bool) -> list[list[str]]:
    """What the feed of one recipient still holds of each referral, sorted."""
    found: dict[str, list[str]] = {
        asked.referrals[number, code]: []
        for number in asked.numbers
        if (number in asked.kept) == kept
    }
    for one in held:
        referral = body_of(one).get("referral_id")
        if one.subject.split(".")[1] == code and referral in found:
            found[str(referral)].append(one.name)
    return [sorted(names) for names in found.values()]
