"""One case's way through all services, from spans and tables, without a personal datum."""

from deploy.tracing.collect import UnknownCase, collect, find_case
from deploy.tracing.picture import draw
from deploy.tracing.way import Step, Way

__all__ = ["Step", "UnknownCase", "Way", "collect", "draw", "find_case"]
