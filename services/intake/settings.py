"""What intake must be told."""

from chassis.settings import ServiceSettings


class IntakeSettings(ServiceSettings):
    """Nothing of its own yet: the shared settings say it all."""
