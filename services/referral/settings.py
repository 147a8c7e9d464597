"""What referral must be told."""

from pathlib import Path

from chassis.settings import ServiceSettings


class ReferralSettings(ServiceSettings):
    """The shared settings, and where the key of the partners' HTTP door lies."""

    @property
    def door_seed_file(self) -> Path:
        """The nkey seed of the NATS user `door`, beside this service's own."""
        return self.nats_seed_file.with_name("nats-door.seed")
