"""Runs one plain service: `python -m tests.bench.plain SETTINGS.json`, as uvicorn runs ours."""

import json
import sys
from pathlib import Path

import uvicorn

from tests.bench.plain import intake, referral, reporting
from tests.bench.plain.parts import Settings

SERVICES = {
    "intake": intake.create_app,
    "referral": referral.create_app,
    "reporting": reporting.create_app,
}

if __name__ == "__main__":
    given = json.loads(Path(sys.argv[1]).read_text())
    settings = Settings(**given | {"seed_file": Path(given["seed_file"])})
    uvicorn.run(
        SERVICES[settings.service](settings),
        host="127.0.0.1",
        port=settings.port,
        loop="uvloop",
        http="httptools",
        access_log=False,
        log_config=None,
        timeout_keep_alive=30,
    )
