"""What reporting must be told."""

from chassis.settings import ServiceSettings


class ReportingSettings(ServiceSettings):
    """Nothing of its own yet: the shared settings say it all."""
