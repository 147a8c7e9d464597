"""Our services where deliveries are confirmed each second, for tests that need them to be.

python -m tests.operators.hurried SERVICE
"""

import sys
from collections.abc import Sequence

from chassis.relay import upkeep
from deploy.commands.run import serve
from deploy.service_process import ServiceProcess

CONFIRM_SECONDS = 1.0


class Hurried(ServiceProcess):
    """A service whose relay asks each second how far everybody is."""

    def command(self) -> Sequence[str]:
        """This program instead of `siraba run`."""
        return [sys.executable, "-m", "tests.operators.hurried", self.name]


if __name__ == "__main__":
    upkeep.CONFIRM_SECONDS = CONFIRM_SECONDS
    serve(sys.argv[1], f"services.{sys.argv[1]}.app:create_app")
