"""HTTP in: an organisation's own referrals, its feed, and what it asks."""

from services.referral.api.partners import FeedDesk, partner_router
from services.referral.api.referrals import router

__all__ = ["FeedDesk", "partner_router", "router"]
