"""The only place where a person has a name: a key each, and every key under one kept apart."""

from services.intake.vault.dossiers import SealedDossier, Vault
from services.intake.vault.key_encryption import (
    KeyDamaged,
    KeyEncryption,
    KeyUnavailable,
    WrappedKey,
)
from services.intake.vault.key_files import KeyFiles
from services.intake.vault.leases import Lease, LeaseKeys, LeaseOver, NotSealed
from services.intake.vault.months import MonthlyKeys
from services.intake.vault.sections import SealedSection, SectionDamaged

__all__ = [
    "KeyDamaged",
    "KeyEncryption",
    "KeyFiles",
    "KeyUnavailable",
    "Lease",
    "LeaseKeys",
    "LeaseOver",
    "MonthlyKeys",
    "NotSealed",
    "SealedDossier",
    "SealedSection",
    "SectionDamaged",
    "Vault",
    "WrappedKey",
]
