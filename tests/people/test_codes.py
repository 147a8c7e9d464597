import pytest

from services.referral.domain.accounts import TRIES, rests_until
from services.referral.domain.one_time_codes import STEP_SECONDS, code_at, fitting_step
from tests.builders import NOON

pytestmark = pytest.mark.share("people")
KEY = b"12345678901234567890"


@pytest.mark.parametrize(
    ("seconds", "code"),
    [
        (59, "94287082"), (1111111109, "07081804"), (1111111111, "14050471"),
        (1234567890, "89005924"), (2000000000, "69279037"), (20000000000, "65353130"),
    ],
)  # fmt: skip
def test_codes_are_those_of_rfc_6238_appendix_b(seconds: int, code: str) -> None:
    assert code_at(KEY, seconds // STEP_SECONDS, digits=8) == code


def test_a_code_counts_one_step_around_now_and_once() -> None:
    now = int(NOON.timestamp()) // STEP_SECONDS
    fitting = [
        step - now
        for step in range(now - 5, now + 6)
        if fitting_step(KEY, code_at(KEY, step), now=NOON, after=0) is not None
    ]
    assert fitting == [-1, 0, 1]
    assert fitting_step(KEY, code_at(KEY, now), now=NOON, after=now) is None


def test_an_account_rests_longer_each_time_and_an_hour_at_most() -> None:
    rests = [rests_until(TRIES - 1 + more, now=NOON) for more in (0, 1, 2, 3, 50)]
    assert rests[0] is None
    minutes = [(until - NOON).total_seconds() / 60 for until in rests if until is not None]
    assert minutes == [1, 2, 4, 60]
