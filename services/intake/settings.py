"""What intake must be told."""

from pathlib import Path

from pydantic import Field

from chassis.settings import ServiceSettings
from services.intake.vault import key_files, months


class IntakeSettings(ServiceSettings):
    """The shared settings, and where the vault's keys lie."""

    vault_dir: Path | None = Field(
        None,
        description="Folder with the vault's keys, mode 0700, which no other service needs; "
        "the secrets folder without it.",
    )

    @property
    def kek_dir(self) -> Path:
        """The key-encryption keys, one file per version."""
        return (self.vault_dir or self.secrets_dir) / key_files.FOLDER

    @property
    def months_dir(self) -> Path:
        """The monthly keys that partners seal to; intake writes here."""
        return (self.vault_dir or self.secrets_dir) / months.FOLDER
