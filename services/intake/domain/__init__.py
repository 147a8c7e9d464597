"""The rules of intake: taking a case in, and finding the same person twice without a name."""

from services.intake.domain.registration import (
    DetectedInFuture,
    Erased,
    KeyReused,
    Refused,
    Registration,
    register,
)

__all__ = ["DetectedInFuture", "Erased", "KeyReused", "Refused", "Registration", "register"]
