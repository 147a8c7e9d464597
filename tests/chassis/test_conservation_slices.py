"""An auditor's look at a rush costs what the rush is long, though it is read in slices."""

from datetime import UTC, datetime
from uuid import uuid4

import pytest
from sqlalchemy import TextClause, text

from chassis.assembly import Parts
from chassis.conservation.claims import _CLAIMED
from chassis.conservation.keeper import IN_ORDER
from chassis.conservation.sent import _MARKED
from tests.chassis.outgoing import STREAM, inside
from tests.chassis.test_conservation import sending
from tests.parts import Site

pytestmark = [pytest.mark.connected, pytest.mark.share("fire")]


async def test_a_slice_is_read_along_an_index_and_no_row_of_another(site: Site) -> None:
    async with sending(site, [inside(uuid4()) for _ in range(300)]) as parts:
        since = {"since": datetime(2026, 1, 1, tzinfo=UTC), "settled": 0, "room": 20}
        plans = [
            await plan_of(parts, _MARKED, since | {"stream": STREAM}),
            await plan_of(parts, _CLAIMED, since | {"consumer": "referral-INBOX"}),
        ]
    for plan, index in zip(plans, ("outbox_sent", "inbox_age"), strict=True):
        assert f"Index Scan using {index}" in plan
        assert "Sort" not in plan


async def plan_of(parts: Parts, question: TextClause, given: dict[str, object]) -> str:
    """How an auditor's look asks the database that."""
    async with parts.work.begin() as connection:
        await connection.execute(IN_ORDER)
        found = await connection.execute(text(f"explain {question.text}"), given)
        return "\n".join(found.scalars())
