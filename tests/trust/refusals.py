"""What partners are refused: each told by its id, or above 60 a minute as a number."""

import asyncio
from collections import Counter
from collections.abc import Iterable

from tests.journeys.road import Road
from tests.trust.evidence import Asking, Fact, body_of
from tests.trust.streams import Stored

# A minute, the round of the sweep after it, and the relay's.
PATIENCE = 75.0
_COUNTING = """
    select (select count(*) from {0}.refusals where count > 60)
         + (select count(*) from {0}.outbox where sent_at is null and erased_at is null)
"""


async def told_of_all(road: Road) -> bool:
    """Wait until nobody is owed a number any more; whether anybody was, which is rare."""
    waited = False
    async with asyncio.timeout(PATIENCE):
        for service in {"intake", "referral"} & road.platform.service_urls.keys():
            while await Asking(road, service)(_COUNTING.format(service)) != [("0",)]:
                waited = True
                await asyncio.sleep(0.2)
    return waited


def refused(out: Iterable[Stored], asked: Iterable[Fact]) -> list[Fact]:
    """(sender, request id) of each refusal in the feeds, with the requests that were only counted.

    asked: the requests that may have been refused. Which of them a number stands for nobody says, so
    it is taken to be those without a refusal of their own, and too large a number names nobody.
    """
    told = [(m.subject.split(".")[1], body_of(m)) for m in out if m.name == "request.refused"]
    named = [(code, str(body["request_id"])) for code, body in told]
    more = Counter[str]()
    for code, body in told:
        more[code] += body["count"] - 1
    found: list[Fact] = list(named)
    for one in sorted(set(asked) - set(named)):
        if more[one[0]] > 0:
            more[one[0]] -= 1
            found.append(one)
    return found + [(code, f"nobody's {nth}") for code in more for nth in range(more[code])]
