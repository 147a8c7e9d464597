"""That a chain which stops moving ends the measurement, and says where."""

import pytest

from tests.bench.chain import reached

pytestmark = pytest.mark.share("fire")


async def test_a_chain_that_stands_still_says_which_stream_is_short() -> None:
    async def look() -> dict[str, int]:
        return {"INTAKE": 2, "OUT": 3}

    with pytest.raises(AssertionError, match="OUT: 3, expected 4") as told:
        await reached({"INTAKE": 2, "OUT": 4}, look, standstill=0.05)

    assert "INTAKE" not in str(told.value)


async def test_a_slow_chain_is_waited_for_as_long_as_it_moves() -> None:
    sizes = iter(range(10))

    async def look() -> dict[str, int]:
        return {"OUT": next(sizes)}

    await reached({"OUT": 9}, look, standstill=0.05)
