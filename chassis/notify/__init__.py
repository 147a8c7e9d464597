"""Telling people that something waits for them, and nothing else: no number, no name, no place."""

from chassis.notify.carriers import SPOOL, Carrier, Carriers, NotCarried, Spool, spooled
from chassis.notify.letters import Letter, words
from chassis.notify.mail import Mail
from chassis.notify.sms import Sms

__all__ = [
    "SPOOL",
    "Carrier",
    "Carriers",
    "Letter",
    "Mail",
    "NotCarried",
    "Sms",
    "Spool",
    "spooled",
    "words",
]
