"""Service processes in a place of their own: another network, another clock, another name."""

import sys
from collections.abc import Mapping, Sequence

from deploy.embedded.processes import free_port
from deploy.platform import Platform
from deploy.service_process import Addresses, ServiceProcess
from tests.trust.faults.networks import Link


class PlacedService(ServiceProcess):
    """A service of `platform`, started by its supervisor as all others are.

    link: the namespace it runs in. environment: what it is told besides. alias: its name among
    the platform's processes, where two of one service run.
    """

    def __init__(
        self,
        platform: Platform,
        service: str,
        *,
        alias: str = "",
        link: Link | None = None,
        extra: Mapping[str, str] | None = None,
    ) -> None:
        urls = [
            platform.nats_url,
            *(platform.database_url(f"{service}_{r}") for r in ("web", "work")),
        ]
        super().__init__(
            alias or service, port=free_port(), state=platform.state, addresses=Addresses(*urls)
        )
        self.service = service
        self._link = link
        self._extra = extra or {}

    @property
    def url(self) -> str:
        """Where it listens."""
        host = self._link.own if self._link else "127.0.0.1"
        return f"http://{host}:{self.port}"

    def command(self) -> Sequence[str]:
        """The same program, inside its namespace."""
        program = [sys.executable, "-m", "deploy.cli", "run", self.service]
        return self._link.run(*program) if self._link else program

    def environment(self) -> Mapping[str, str]:
        """What every service is told, and what is special here."""
        told = {**super().environment(), "SIRABA_SERVICE": self.service, **self._extra}
        if self.name != self.service:
            told["SIRABA_NATS_SEED_FILE"] = str(self._state.secrets / f"nats-{self.service}.seed")
        if self._link is not None:
            told |= {"SIRABA_BIND": self._link.own, "SIRABA_SECURE_COOKIES": "true"}
        return told


async def add_service(platform: Platform, service: PlacedService) -> None:
    """Let the platform supervise it."""
    platform.service_urls[service.name] = service.url
    await platform.supervisor.add(service.name, service)
