"""The oracle on sums, medians and rates: each thing with its codes and its amount (domain §6)."""

from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, timedelta

from contracts import referral
from contracts.vocabulary import territories
from tests.reporting import oracle_of_care as care
from tests.reporting import oracle_of_files as outcomes
from tests.reporting import oracle_of_sessions as prevention
from tests.reporting.oracle import Codes, Item, Oracle, Said, first, offered, v2

#: A thing, its codes and its amount.
Weighed = tuple[str, Codes, int]


def as_ones(items: Iterator[Item]) -> Iterator[Weighed]:
    for item, codes in items:
        yield item, codes, 1


def residents(oracle: Oracle) -> Iterator[Weighed]:
    growth = 1.033 ** (oracle.window.start.year - 2022)
    for one in territories():
        yield one.ct, {"region": [one.ct]}, round(one.population_2022 * growth)


def nights(oracle: Oracle) -> Iterator[Weighed]:
    for offer, person, spent in care.stays(oracle):
        yield str(offer.body.referral_id), care.of_stay(offer, person), spent


def place_nights(oracle: Oracle) -> Iterator[Weighed]:
    last: dict[str, Said] = {}
    counts = [
        one
        for one in oracle.of(referral.CapacityChanged)
        if one.body.service == "shelter" and one.body.counted_at < oracle.window.end_moment
    ]
    for one in sorted(counts, key=lambda one: (one.body.counted_at, one.at, one.place)):
        last[one.body.organisation] = one
    until = min(oracle.window.end, oracle.window.as_of.astimezone(UTC).date())
    days = max(0, (until - oracle.window.start).days)
    for organisation, one in last.items():
        yield organisation, {"organisation": [organisation]}, one.body.places * days


def occupied(oracle: Oracle) -> Iterator[Weighed]:
    known = {organisation for organisation, _, _ in place_nights(oracle)}
    for item, codes, spent in nights(oracle):
        if codes["organisation"][0] in known:
            yield item, codes, spent


def days_to_deliver(oracle: Oracle) -> Iterator[Weighed]:
    for (item, codes), offer, _, trail in offered(oracle):
        delivered = first(trail, "delivered")
        if delivered and first(trail, "accepted"):
            yield item, codes, (delivered - offer.at) // timedelta(days=1)


def days_to_judge(oracle: Oracle) -> Iterator[Weighed]:
    judged = defaultdict(list)
    for one in oracle.of(referral.JudgmentRendered):
        judged[one.body.organisation, one.body.proceeding_id].append(one.body.on)
    for file, words in oracle.files().items():
        if judged[file] and oracle.is_day(min(judged[file])):
            last = words[-1].body
            codes: Codes = {
                "offence_class": [last.offence_class],
                "region": [last.region or "unknown"],
                "organisation_kind": [last.organisation_kind],
            }
            opened = min(one.body.on for one in words)
            yield str(file), codes, (min(judged[file]) - opened).days


def francs(oracle: Oracle, field: str) -> Iterator[Weighed]:
    for one in outcomes.decided(oracle):
        codes: Codes = {"court": [one.body.court], "offence_class": [one.body.offence_class]}
        key = (one.body.organisation, one.body.proceeding_id, one.body.suspect_id)
        yield str(key), codes, getattr(one.body, field)


#: By measure, what is measured and, where it is a quotient, out of what.
MEASURED: dict[str, tuple[Callable[[Oracle], Iterator[Weighed]], ...]] = {
    "V4": (lambda oracle: as_ones(v2(oracle)), residents),
    "A2N": (nights,),
    "A2O": (occupied, place_nights),
    "R4D": (days_to_deliver,),
    "J6D": (days_to_judge,),
    "J7A": (lambda oracle: francs(oracle, "reparation"),),
    "J7P": (lambda oracle: francs(oracle, "reparation_paid"),),
    "P1S": (prevention.held_once,),
    "P1": (prevention.took_part,),
    "P1R": (prevention.reached,),
    "P2": (prevention.trained,),
    "P3": (prevention.called,),
}


def read(weighed: Sequence[Weighed], how: str) -> int | None:
    """A sum, or the lower of the values in the middle, over things that each count once."""
    amounts = sorted({item: amount for item, _, amount in weighed}.values())
    if how == "sum":
        return sum(amounts)
    return amounts[(len(amounts) - 1) // 2] if amounts else None


def parts(weighed: Sequence[Weighed], dimension: str, how: str) -> dict[str, int | None]:
    found = defaultdict(list)
    for one in weighed:
        for code in one[1][dimension]:
            found[code].append(one)
    return {code: read(of_code, how) for code, of_code in found.items()}


def expected(
    oracle: Oracle, code: str, *, how: str, dimension: str
) -> tuple[object, dict[str, object]]:
    """The whole as (value, over, out_of), and the parts by code likewise."""
    weighed, *wholes = [list(question(oracle)) for question in MEASURED[code]]
    out_of = [read(one, "sum") for one in wholes]
    by_code = [parts(one, dimension, "sum") for one in wholes]
    over = {
        part: len({item for item, codes, _ in weighed if part in codes[dimension]})
        for _, every, _ in weighed
        for part in every[dimension]
    }
    whole = (read(weighed, how), len({item for item, _, _ in weighed}), *out_of)
    return whole, {
        part: (value, over[part], *(one.get(part) for one in by_code))
        for part, value in parts(weighed, dimension, how).items()
    }
