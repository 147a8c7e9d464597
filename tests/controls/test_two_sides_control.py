"""A consumer that takes each message once, but in whatever order it comes, believes another owner."""

from pathlib import Path

import pytest

from tests.machines.test_two_sides import AT_ONCE, two_sides
from tests.servers import Database
from tests.trust.telling import say

pytestmark = pytest.mark.share("lifecycle")
FEW = 4


async def test_without_the_order_of_a_case_both_sides_end_different(
    fresh_database: Database, tmp_path: Path
) -> None:
    async with two_sides(fresh_database, tmp_path, ordered=False) as sides:
        await sides.end()  # or a word would come before its case, and be an error
        found, rounds = 0, 0
        while not found and rounds < 40:
            rounds += 1
            for _ in range(FEW):  # more than one batch, or what comes together is put in order
                await sides.act(AT_ONCE)
            await sides.end()
            found = await sides.differences()

    say(f"{found} cases differ after {rounds} rounds")
    assert found
