"""HTTP in: register a case, see one's own."""

from services.intake.api.registrar import Registrar
from services.intake.api.routes import CaseSubmission, Desk, router

__all__ = ["CaseSubmission", "Desk", "Registrar", "router"]
