"""HTTP in: register a case or many, see one's own, decide about consent, look at what was disclosed."""

from services.intake.api.access import AccessDesk, access_router
from services.intake.api.admitter import Admitter
from services.intake.api.closings import closing_router
from services.intake.api.consents import ConsentDesk, consent_router
from services.intake.api.disclosures import disclosure_router
from services.intake.api.duplicates import duplicate_router
from services.intake.api.erasures import ErasureDesk, erasure_router
from services.intake.api.followups import followup_router
from services.intake.api.incidents import LARGER_BODIES, IncidentDesk, incident_router
from services.intake.api.registrar import Registrar
from services.intake.api.returns import return_router
from services.intake.api.routes import Desk, add_cases
from services.intake.api.suspects import suspect_router
from services.intake.api.transfers import transfer_router

__all__ = [
    "LARGER_BODIES",
    "AccessDesk",
    "Admitter",
    "ConsentDesk",
    "Desk",
    "ErasureDesk",
    "IncidentDesk",
    "Registrar",
    "access_router",
    "add_cases",
    "closing_router",
    "consent_router",
    "disclosure_router",
    "duplicate_router",
    "erasure_router",
    "followup_router",
    "incident_router",
    "return_router",
    "suspect_router",
    "transfer_router",
]
