"""What referral must be told."""

from chassis.settings import ServiceSettings


class ReferralSettings(ServiceSettings):
    """Nothing of its own yet: the shared settings say it all."""
