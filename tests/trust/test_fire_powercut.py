import asyncio

import pytest

from tests.ledger import Figure, Form
from tests.trust.auditor import Finding
from tests.trust.power_cuts import lose_power, nats_on_a_lossy_disk, postgres_on_a_lossy_disk
from tests.trust.telling import say

pytestmark = [
    pytest.mark.connected,
    pytest.mark.share("fire"),
    # Connections to a server that lost power are dropped, not closed.
    pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning"),
]
SEED = 20261130


@pytest.mark.timeout(1200)
def test_what_an_engine_acknowledged_is_there_when_the_lights_go_on_again(
    form: Form, figure: Figure
) -> None:
    cuts = form.pick(short=2, long=50)
    ours = every_engine(cuts, synced=True)
    controls = every_engine(form.pick(short=1, long=5), synced=False)

    assert all(found.acked > 20 * cuts for found in ours), "too little was written to show anything"
    assert not any(found.unexpected or found.doubled for found in ours)
    lost = sum(len(found.lost) for found in ours)
    # Both controls must lose: the smaller loss is the figure.
    control = min(len(found.lost) for found in controls)
    figure("fire.powercut.lost", lost, control=control, seed=SEED)
    figure("fire.powercut.control_lost", control, seed=SEED)


def every_engine(cuts: int, *, synced: bool) -> list[Finding]:
    findings = []
    for place in (nats_on_a_lossy_disk, postgres_on_a_lossy_disk):
        with place(synced=synced) as engine:
            findings.append(asyncio.run(lose_power(engine, cuts=cuts, seed=SEED)))
        say(f"{'ours' if synced else 'control'}: {findings[-1]}")
    return findings
