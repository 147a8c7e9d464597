"""The whole way with real processes: accepted, disclosed, withdrawn, erased, confirmed."""

import asyncio
import contextlib
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from time import monotonic
from typing import Any

import pytest
from typer.testing import CliRunner

from contracts.feed import ConsentWithdrawn, DossierDisclosed, FeedTrimmed, Offer
from contracts.requests import AcceptReferral
from deploy.cli import app
from partners.kit import Delivery, Partner
from tests.journeys.cases import Case
from tests.journeys.road import Road, running_road

pytestmark = [pytest.mark.share("sealed"), pytest.mark.timeout(240)]
POLICE, SHELTER, PROSECUTOR = "POLICE_KAYES", "SHELTER_BENKADI_KAYES", "PARQUET_KAYES"
SECRETS = {
    "identity": {"full_name": "canary-G2"},
    "exploitation": {"facts": "canary-G3", "suspect_name": "canary-G4"},
    "medical": {"allergies": "canary-G5"},
    "safe_place": {"safe_address": "canary-G7"},
}
BODY = {
    "detected_on": "2026-01-15", "region": "01", "sex": "female", "age_band": "25-34",
    "citizenship": ["MLI"], "exploitation": ["domestic_work"], "detection_channel": "patrol",
    "urgency": "emergency_24h", "needs": ["shelter", "legal_aid"],
    "consent": [
        {"recipient_kind": kind, "state": "given", "by": "person"} for kind in ("shelter", "justice")
    ],
    "dossier": SECRETS,
}  # fmt: skip


@dataclass(slots=True)
class Agency:
    """A partner's own system: accepts, keeps what it is told, erases when it must."""

    code: str
    seen: list[Delivery] = field(default_factory=list)
    files: dict[str, dict[str, Any]] = field(default_factory=dict)

    async def run(self, road: Road) -> None:
        url = road.url(by_http=self.code == SHELTER)
        async with Partner.open(road.folder(self.code), url=url, patience=None) as partner:
            async for delivery in partner.deliveries(on_withdrawn=self.erase):
                self.seen.append(delivery)
                message = delivery.message
                if isinstance(message, Offer):
                    accept = AcceptReferral(referral_id=message.referral_id)
                    await partner.send(accept, answering=delivery.envelope)
                elif isinstance(message, DossierDisclosed) and delivery.dossier:
                    file = self.files.setdefault(str(message.referral_id), {})
                    for section, held in delivery.dossier.items():
                        file.setdefault(section, {}).update(held)
                await delivery.done()

    async def erase(self, message: ConsentWithdrawn) -> None:
        self.files.pop(str(message.referral_id), None)

    def ids(self) -> set[str]:
        """Everything by which this feed names a case, a message or a trace."""
        return {
            text
            for one in self.seen
            for text in (str(one.envelope.id), one.envelope.subject,
                         (one.envelope.started_trace or "-").split("-")[1])
            if text
        }  # fmt: skip


@contextlib.asynccontextmanager
async def agencies(road: Road, *codes: str) -> AsyncIterator[list[Agency]]:
    made = [Agency(code) for code in codes]
    tasks = [asyncio.create_task(one.run(road)) for one in made]
    try:
        yield made
    finally:
        failed = [task.exception() for task in tasks if task.done()]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
    assert not failed, failed


async def shown(what: Any, *, seconds: float = 20) -> Any:
    async with asyncio.timeout(seconds):
        while not (found := what()):
            await asyncio.sleep(0.05)
    return found


def siraba(road: Road, *arguments: str) -> str:
    """What the command prints, on one line a row."""
    done = CliRunner().invoke(
        app, [*arguments, "--state-dir", str(road.platform.state.root)], env={"COLUMNS": "400"}
    )
    assert done.exit_code == 0, done.output
    return done.output


async def test_a_dossier_reaches_who_accepted_and_a_withdrawal_takes_it_back() -> None:
    async with (
        running_road((POLICE, SHELTER, PROSECUTOR)) as road,
        agencies(road, SHELTER, PROSECUTOR) as (shelter, prosecutor),
    ):
        number = (await road.submit(Case(POLICE, "case-0000", BODY))).json()["case_number"]
        await shown(lambda: shelter.files and prosecutor.files)

        await _each_has_its_own_cut(shelter, prosecutor)
        await _nobody_can_join_two_feeds(shelter, prosecutor)
        before = await asyncio.to_thread(siraba, road, "disclosures", number)
        assert SHELTER in before
        assert PROSECUTOR in before
        await _withdraw(road, number, shelter, prosecutor)
        after = await asyncio.to_thread(siraba, road, "disclosures", number)
        for text in (before, after):
            assert "canary" not in text
        assert "withdrawn" in after


async def _each_has_its_own_cut(shelter: Agency, prosecutor: Agency) -> None:
    (hers,), (theirs,) = shelter.files.values(), prosecutor.files.values()
    assert hers == {
        "identity": {"full_name": "canary-G2"},
        "exploitation": {"facts": "canary-G3"},
        "medical": {"allergies": "canary-G5"},
        "safe_place": {"safe_address": "canary-G7"},
    }
    assert theirs == {
        "identity": {"full_name": "canary-G2"},
        "exploitation": {"facts": "canary-G3", "suspect_name": "canary-G4"},
    }


async def _nobody_can_join_two_feeds(shelter: Agency, prosecutor: Agency) -> None:
    assert not shelter.ids() & prosecutor.ids()


async def _withdraw(road: Road, number: str, shelter: Agency, prosecutor: Agency) -> None:
    begun = monotonic()
    answer = await road.http.post(
        f"/intake/cases/{number}/consents/withdrawals",
        json={"recipient_kind": "shelter", "by": "person"},
        headers=road.headers(POLICE),
    )
    assert (answer.status_code, answer.json()["told"]) == (201, [SHELTER])
    await shown(lambda: not shelter.files, seconds=5)
    assert monotonic() - begun < 5

    async def is_confirmed() -> bool:
        found = await road.http.get("/intake/acknowledgements", headers=road.headers(POLICE))
        return bool(found.json() == {"acknowledgements": []})

    async with asyncio.timeout(10):
        while not await is_confirmed():
            await asyncio.sleep(0.1)
    assert prosecutor.files, "another recipient's file is not touched"
    assert "No confirmation is open" in await asyncio.to_thread(siraba, road, "consent", "open")
    await shown(lambda: any(isinstance(one.message, FeedTrimmed) for one in shelter.seen))
