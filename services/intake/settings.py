"""What intake must be told."""

from pathlib import Path

from chassis.settings import ServiceSettings
from services.intake.vault import key_files, months


class IntakeSettings(ServiceSettings):
    """The shared settings, and where in the secrets folder the vault's keys lie."""

    @property
    def kek_dir(self) -> Path:
        """The key-encryption keys, one file per version."""
        return self.secrets_dir / key_files.FOLDER

    @property
    def months_dir(self) -> Path:
        """The monthly keys that partners seal to; intake writes here."""
        return self.secrets_dir / months.FOLDER
