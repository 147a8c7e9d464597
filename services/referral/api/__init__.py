"""HTTP in: an organisation's referrals, places and feed; the directory, and why who was asked."""

from services.referral.api.directory import DirectoryDesk, directory_router
from services.referral.api.partners import FeedDesk, partner_router
from services.referral.api.places import PlacesDesk, places_router
from services.referral.api.referrals import router
from services.referral.api.routings import routings_router

__all__ = [
    "DirectoryDesk",
    "FeedDesk",
    "PlacesDesk",
    "directory_router",
    "partner_router",
    "places_router",
    "router",
    "routings_router",
]
