"""HTTP in: an organisation's own referrals, its places, its feed, what it asks; the directory."""

from services.referral.api.directory import DirectoryDesk, directory_router
from services.referral.api.partners import FeedDesk, partner_router
from services.referral.api.places import PlacesDesk, places_router
from services.referral.api.referrals import router

__all__ = [
    "DirectoryDesk",
    "FeedDesk",
    "PlacesDesk",
    "directory_router",
    "partner_router",
    "places_router",
    "router",
]
