"""The listening loop of the command line: show each message, answer as the policy says, close it."""

from dataclasses import dataclass
from pathlib import Path

from contracts.requests import DeclineReferral
from partners.kit.answers import Policy
from partners.kit.client import Partner
from partners.kit.delivery import Delivery
from partners.kit.lines import Lines


@dataclass(frozen=True, slots=True, kw_only=True)
class Listening:
    """Where to listen and how to answer; `until_idle` in seconds, None for ever."""

    folder: Path
    url: str
    code: str | None
    ca: Path | None
    policy: Policy
    until_idle: float | None

    async def run(self, lines: Lines) -> None:
        """Until nothing has come for `until_idle` seconds; waits for the platform to appear."""
        patience = None if self.until_idle is None else max(10.0, self.until_idle)
        async with Partner.open(
            self.folder, url=self.url, code=self.code, ca=self.ca, patience=patience
        ) as partner:
            lines.ready(partner.code)
            try:
                async for delivery in partner.deliveries(idle=self.until_idle):
                    await self._handle(partner, delivery, lines)
            finally:
                lines.stopped(partner.code)

    async def _handle(self, partner: Partner, delivery: Delivery, lines: Lines) -> None:
        lines.received(delivery)
        declined = partner.requests_sent(DeclineReferral.name)
        for request in self.policy.answer(delivery.message, own=partner.code, declined=declined):
            receipt = await partner.send(request, answering=delivery.envelope)
            lines.sent(request, receipt)
        await delivery.done()
