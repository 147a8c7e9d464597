"""The same spoilt requests by the HTTP door, and its own kind: JSON that was changed on its way."""

import asyncio
import json
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from random import Random

import httpx

from contracts.callers import issue_token
from contracts.structured import MEDIA_TYPE, write_structured
from tests.journeys.road import Road
from tests.trust.fuzz import Spoilt

#: What the door may say of a request; everything else is a fault of ours.
ANSWERS = {202, 400, 413, 415, 422, 429}


@dataclass(slots=True)
class Posted:
    """What was answered how often, and (organisation, id) of what was taken."""

    answers: Counter[int] = field(default_factory=Counter)
    taken: set[tuple[str, str]] = field(default_factory=set)


async def through_http(
    road: Road, load: Sequence[Spoilt], random: Random, *, per_second: int
) -> Posted:
    """Post as each organisation's program may."""
    posted = Posted()
    loop = asyncio.get_running_loop()
    async with httpx.AsyncClient(base_url=road.platform.front_url, timeout=30) as client:
        for start in range(0, len(load), per_second):
            second = loop.time() + 1
            bodies = [(one.code, _body(one, random)) for one in load[start : start + per_second]]
            tokens = {code: _token(road, code) for code, _ in bodies}
            await asyncio.gather(
                *(_post(client, posted, code, body, tokens[code]) for code, body in bodies)
            )
            await asyncio.sleep(second - loop.time())
    return posted


def _body(one: Spoilt, random: Random) -> bytes:
    """As a program would write it, and one in four as a line or a bug leaves it."""
    whole = json.dumps(write_structured(one.headers, one.body)).encode()
    if random.random() < 0.75:
        return whole
    changed = bytearray(whole)
    for _ in range(random.randint(1, 6)):
        changed[random.randrange(len(changed))] = random.randrange(256)
    return bytes(changed[: random.randint(len(changed) // 2, len(changed))])


async def _post(
    client: httpx.AsyncClient, posted: Posted, code: str, body: bytes, token: str
) -> None:
    headers = {"Authorization": f"Bearer {token}", "Content-Type": MEDIA_TYPE}
    answer = await client.post("/partners/requests", content=body, headers=headers)
    posted.answers[answer.status_code] += 1
    if answer.status_code == httpx.codes.ACCEPTED:
        posted.taken.add((code, answer.json()["id"]))


def _token(road: Road, code: str) -> str:
    return issue_token(
        road.keys[code].signing,
        organisation=code,
        role="system",
        audience="referral",
        now=datetime.now(UTC),
    )
