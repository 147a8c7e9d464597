"""HTTP in: an organisation's own referrals, its places, its feed, and what it asks."""

from services.referral.api.partners import FeedDesk, partner_router
from services.referral.api.places import PlacesDesk, places_router
from services.referral.api.referrals import router

__all__ = ["FeedDesk", "PlacesDesk", "partner_router", "places_router", "router"]
