"""`siraba up` as an operator starts it: with the numbers that Prometheus asks for, and pages."""

import os
import re
import signal
import subprocess
import sys
from pathlib import Path

import httpx
import pytest

from tests.servers import open_folder

pytestmark = [pytest.mark.share("operators"), pytest.mark.timeout(120)]
ANY_PORT = ("--port=0", "--nats-port=0", "--metrics-port=0")


def told(process: "subprocess.Popen[str]") -> str:
    """What it says until it is up."""
    assert process.stdout is not None
    said = ""
    for line in process.stdout:
        said += line
        if line.startswith("Prometheus asks"):
            return said
    raise AssertionError(said)


def test_whoever_starts_the_platform_has_its_numbers_and_pages_too() -> None:
    with open_folder() as folder:
        state = Path(folder) / "state"
        process = subprocess.Popen(
            [sys.executable, "-m", "deploy.cli", "up", f"--state-dir={state}", *ANY_PORT],
            env=dict(os.environ), stdout=subprocess.PIPE, text=True,
        )  # fmt: skip
        try:
            said = told(process)
            asked = re.search(r"asks (http://\S+/metrics)", said)
            pages = re.search(r"look at (http://\S+/operations/)", said)
            assert asked is not None
            assert pages is not None
            page = httpx.get(pages[1], headers={"accept": "text/html"}, trust_env=False)
            token = (state / "secrets" / "metrics.token").read_text()
            headers = {"Authorization": f"Bearer {token}"}
            answer = httpx.get(asked[1], headers=headers, timeout=30, trust_env=False)
            refused = httpx.get(asked[1], timeout=30, trust_env=False)
        finally:
            process.send_signal(signal.SIGINT)
            assert process.wait(60) == 0
            assert process.stdout is not None
            process.stdout.close()

    assert refused.status_code == 401
    # To whoever has not signed in it is a closed door of ours.
    assert (page.status_code, "/operations/static/" in page.text) == (401, True)
    ready = re.findall(r'^siraba_ready\{service="(\w+)"\} 1', answer.text, re.MULTILINE)
    assert sorted(ready) == ["intake", "referral", "reporting"], answer.text[:500]
