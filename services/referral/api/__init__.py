"""HTTP in: an organisation's referrals, places, open questions and feed; the directory; the law; why."""

from services.referral.api.desk import Desk
from services.referral.api.directory import DirectoryDesk, directory_router
from services.referral.api.notices import notices_router
from services.referral.api.partners import FeedDesk, partner_router
from services.referral.api.places import places_router
from services.referral.api.plans import plans_router
from services.referral.api.reference import reference_router
from services.referral.api.referrals import router
from services.referral.api.routings import routings_router
from services.referral.api.unplaced import unplaced_router

__all__ = [
    "Desk",
    "DirectoryDesk",
    "FeedDesk",
    "directory_router",
    "notices_router",
    "partner_router",
    "places_router",
    "plans_router",
    "reference_router",
    "router",
    "routings_router",
    "unplaced_router",
]
