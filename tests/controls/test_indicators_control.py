"""The committee's own mistakes, made on purpose: the oracle sees each of them."""

from dataclasses import replace

import pytest

from services.reporting.store.indicators import INDICATORS, Indicator
from tests.reporting.conftest import one_database, roles
from tests.reporting.happenings import Roles
from tests.reporting.test_indicators import SEED, of_histories

__all__ = ["one_database", "roles"]
pytestmark = pytest.mark.share("figures")
MISTAKES: dict[str, Indicator] = {
    "cases that are one person count as several": replace(
        INDICATORS["V1"],
        counted=INDICATORS["V1"].counted.replace("person as item", "case_id as item"),
    ),
    "smuggled migrants count as victims": replace(
        INDICATORS["V1"],
        counted=INDICATORS["V1"].counted.replace("not is_smuggled and", "true and"),
    ),
    "a case that was registered in error counts": replace(
        INDICATORS["V1"],
        counted=INDICATORS["V1"].counted.replace("reason = 'registered_in_error'", "false"),
    ),
    "persons count as files": replace(INDICATORS["J1"], counted=INDICATORS["J2"].counted),
    "referred counts as assisted": replace(INDICATORS["A1"], counted=INDICATORS["R1"].counted),
    "what came later counts before": replace(
        INDICATORS["V2"], counted=INDICATORS["V2"].counted.replace("< :as_of", "< 'infinity'")
    ),
}


@pytest.mark.parametrize("mistake", MISTAKES)
async def test_the_oracle_sees_when(
    mistake: str, roles: Roles, monkeypatch: pytest.MonkeyPatch
) -> None:
    wrong = MISTAKES[mistake]
    assert wrong != INDICATORS[wrong.code]
    monkeypatch.setitem(INDICATORS, wrong.code, wrong)

    found, _ = await of_histories(roles, range(SEED, SEED + 30))

    assert {one.partition(" ")[0] for each in found.values() for one in each} == {wrong.code}
