"""Erasing persons as the police and the committee do, over HTTP."""

from typing import Any

import httpx

from tests.intake.desks import Desk
from tests.intake.test_access import COMMITTEE, add_committee, call
from tests.parts import until

__all__ = ["COMMITTEE", "add_committee", "agreed", "asked", "call", "erase", "taken_out"]
OWNER, OFFICER = "POLICE_A/p-1", f"{COMMITTEE}/c-1"


async def asked(
    desk: Desk, number: str, who: str = OWNER, *, reason: str = "person_asks", **more: Any
) -> httpx.Response:
    """The owner's focal point asks."""
    return await call(desk, f"/cases/{number}/erasure", who, json={"reason": reason}, **more)


async def agreed(
    desk: Desk, asking: httpx.Response, who: str = OFFICER, *, role: str = "data_officer"
) -> httpx.Response:
    """The committee's data officer agrees."""
    path = f"/erasures/{asking.json()['erasure_id']}/confirmation"
    return await call(desk, path, who, role=role, post=True)


async def erase(desk: Desk, number: str) -> None:
    """Both, and it is done; the committee must be in the directory."""
    answer = await agreed(desk, await asked(desk, number))
    assert answer.status_code == 200, answer.text


async def taken_out(desk: Desk) -> None:
    """Wait until the relay has sent everything, and taken out what has to leave the feeds."""
    query = """
        select count(*) from intake.outbox
        where erased_at is null and (sent_at is null or withdrawn_at is not null)
    """

    async def is_done() -> bool:
        return await desk.site.rows(query) == [(0,)]

    await until(is_done, seconds=60)
