"""What waits for a person's decision and who was told of it: codes and ages, as an operator may read them."""

from typing import Final

from sqlalchemy import text

#: Services that nobody is asked for: owner, service, urgency, reason, age.
UNPLACED: Final = text("""
    select owner, service, urgency, reason,
           clock_timestamp() - since as age
    from referral.unplaced order by since
""")
#: The newest notices: waits_for, rung, organisation, state, tries, is_seen_to, age.
NEWEST: Final = text("""
    select waits_for, rung, organisation, state, tries, acknowledged_at is not null as is_seen_to,
           clock_timestamp() - created_at as age
    from referral.notices order by created_at desc limit 200
""")
