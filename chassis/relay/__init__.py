"""Carries the outbox to NATS: committed bytes first, then the send, then the mark."""

from chassis.relay.loop import CheckGrounds, Relay
from chassis.relay.rows import Row
from chassis.relay.stamp import Stamper

__all__ = ["CheckGrounds", "Relay", "Row", "Stamper"]
