"""The only SQL of referral; rows become plain objects and never leave."""
