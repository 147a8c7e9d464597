"""Carries the outbox to NATS: committed bytes first, then the send, then the mark."""

from chassis.relay.loop import Relay
from chassis.relay.stamp import Stamper

__all__ = ["Relay", "Stamper"]
