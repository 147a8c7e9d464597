"""Has a platform's PostgreSQL wait for the backup's disk, where the settings name one."""

import sys
from collections.abc import Mapping, Sequence

from deploy.backup.following import STANDBY, WalReceiver
from deploy.backup.places import Places, recipient
from deploy.embedded.postgres import EmbeddedPostgres
from deploy.service_process import OwnProcess
from deploy.settings import PlatformSettings
from deploy.state import State
from deploy.supervise import Supervisor


class FollowProcess(OwnProcess):
    """`siraba backup follow`, which listens nowhere."""

    def __init__(self, state: State, places: Places) -> None:
        super().__init__("backup", port=0, state=state)
        self._places = places

    def command(self) -> Sequence[str]:
        """What is run."""
        return [sys.executable, "-m", "deploy.cli", "backup", "follow"]

    def environment(self) -> Mapping[str, str]:
        """Where to, besides what all are told."""
        return {**super().environment(), "SIRABA_BACKUP_DIR": str(self._places.root)}

    def wait_ready(self) -> None:
        """Nobody waits for it: what it does not seal now it seals later."""


def awaited(settings: PlatformSettings) -> str:
    """What `synchronous_standby_names` is to be."""
    return "" if settings.backup_dir is None else STANDBY


async def receive(
    supervisor: Supervisor, server: EmbeddedPostgres, *, state: State, settings: PlatformSettings
) -> None:
    """Start what commits wait for, before the first one. Raises ServerError."""
    if settings.backup_dir is None:
        return
    recipient(state)  # better no platform than one whose backups nobody can open
    receiver = WalReceiver(
        state, Places(settings.backup_dir.resolve()), admin_url=lambda: server.url("postgres")
    )
    await supervisor.add("wal", receiver)


async def seal_meanwhile(
    supervisor: Supervisor, *, state: State, settings: PlatformSettings
) -> None:
    """Start what seals and notes, once the state says where everything is."""
    if settings.backup_dir is not None and settings.embedded_postgres:
        places = Places(settings.backup_dir.resolve())
        await supervisor.add("backup", FollowProcess(state, places))
