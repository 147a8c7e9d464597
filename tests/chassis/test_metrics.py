import httpx
import pytest
from fastapi import FastAPI

from chassis.telemetry.metrics import measures, start_metrics

pytestmark = pytest.mark.share("fire")


async def test_each_service_answers_its_own_numbers_and_no_other() -> None:
    apps = {}
    for service in ("intake", "referral"):
        metrics = start_metrics(service)
        gauge = metrics.meter.create_gauge("siraba.conservation.messages", unit="{message}")
        gauge.set(3, {"state": "delivered", "consumer": f"{service}-X"})
        apps[service] = FastAPI()
        apps[service].include_router(measures(metrics))

    for service, app in apps.items():
        transport = httpx.ASGITransport(app)
        async with httpx.AsyncClient(transport=transport, base_url="http://service") as client:
            answer = await client.get("/metrics")
        assert answer.headers["content-type"].startswith("text/plain")
        (line,) = [line for line in answer.text.splitlines() if "X" in line]
        named = f'siraba_conservation_messages{{consumer="{service}-X",state="delivered"}} 3.0'
        assert line == named
        assert f'service_name="siraba-{service}"' in answer.text
