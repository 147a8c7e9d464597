"""What intake must be told."""

from pathlib import Path

from pydantic import Field

from chassis.settings import ServiceSettings
from chassis.web import Throttle
from services.intake.vault import key_files, leases, months


class IntakeSettings(ServiceSettings):
    """The shared settings, how much one organisation may submit, and where the vault's keys lie."""

    vault_dir: Path | None = Field(
        None,
        description="Folder with the vault's keys, mode 0700, which no other service needs; "
        "the secrets folder without it.",
    )
    submissions_per_minute: int = Field(
        6000,
        ge=1,
        description="Cases and incidents that one organisation may submit, over HTTP and by the "
        "form together; twice as many at once after a pause. Beyond, the answer is 429.",
    )

    def throttle(self) -> Throttle:
        """An organisation's share of submissions."""
        return Throttle(self.submissions_per_minute / 60, 2.0 * self.submissions_per_minute)

    @property
    def kek_dir(self) -> Path:
        """The key-encryption keys, one file per version."""
        return (self.vault_dir or self.secrets_dir) / key_files.FOLDER

    @property
    def months_dir(self) -> Path:
        """The monthly keys that partners seal to; intake writes here."""
        return (self.vault_dir or self.secrets_dir) / months.FOLDER

    @property
    def leases_dir(self) -> Path:
        """The keys that browsers without a line seal to; intake writes here."""
        return (self.vault_dir or self.secrets_dir) / leases.FOLDER
