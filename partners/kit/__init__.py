"""The partner's kit: keep your keys, read your feed once, answer, and lose nothing on the way."""

from partners.kit.client import Partner
from partners.kit.delivery import Delivery, Receipt
from partners.kit.edge import SYSTEM, Edge
from partners.kit.errors import (
    FolderBusy,
    KeysRefused,
    KitError,
    LedgerRefused,
    NotAdmitted,
    Unreachable,
)
from partners.kit.keys import Keys, init, load
from partners.kit.running import run

__all__ = [
    "SYSTEM",
    "Delivery",
    "Edge",
    "FolderBusy",
    "Keys",
    "KeysRefused",
    "KitError",
    "LedgerRefused",
    "NotAdmitted",
    "Partner",
    "Receipt",
    "Unreachable",
    "init",
    "load",
    "run",
]
