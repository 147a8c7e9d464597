"""Repeated, late, early and bad messages made harmless: each has its effect once, in order."""

from chassis.inbox.consumer import Consumer
from chassis.inbox.received import Handler, Raw, Received
from chassis.inbox.rejections import Rejection

__all__ = ["Consumer", "Handler", "Raw", "Received", "Rejection"]
