"""Indicators of the road: who was referred, how it was answered, what nobody gave (domain §6, R)."""

from typing import Final

from services.reporting.store.indicators.defined import Indicator
from services.reporting.store.indicators.persons import DIMENSIONS, PEOPLE, PERSONS, V2

# Numbers of one case do not go back, so the state is that of the highest.
REFERRALS: Final = f"""
    select referral_id, facts_referrals.event_id, person, service, urgency, offered_at, answered_at,
           accepted_at, delivered_at, confirmed_at,
           by || jsonb_build_object(
               'service', jsonb_build_array(service),
               'organisation_kind', jsonb_build_array(organisation_kind),
               'urgency', jsonb_build_array(urgency),
               'region', jsonb_build_array(facts_referrals.region),
               'state', jsonb_build_array(coalesce(state, 'offered'))
           ) as by
    from facts_referrals
    join ({PERSONS}) as persons using (case_id)
    cross join lateral (
        select min(at) filter (where step in ('accepted', 'declined')) as answered_at,
               min(at) filter (where step = 'accepted') as accepted_at,
               min(at) filter (where step = 'delivered') as delivered_at,
               min(at) filter (where step = 'confirmed') as confirmed_at,
               (array_agg(step order by case_sequence desc))[1] as state
        from facts_referral_steps as steps
        where steps.referral_id = facts_referrals.referral_id and at < :as_of
    ) as steps
    where not is_smuggled and offered_at < :as_of
"""  # noqa: S608 - constants of ours
OFFERED: Final = f"""
    select referral_id as item, event_id, by, person, urgency, offered_at, answered_at,
           accepted_at, delivered_at, confirmed_at
    from ({REFERRALS}) as referrals
    where offered_at >= :first_moment and offered_at < :end_moment
"""  # noqa: S608 - constants of ours
#: When an answer to a row of OFFERED is due (R3, domain §6).
DUE_AT: Final = """
    offered_at + case urgency
        when 'vital_1h' then interval '1 hour' when 'emergency_24h' then interval '24 hours'
        when 'urgent_72h' then interval '72 hours' when 'normal_14d' then interval '14 days'
    end
"""
_ROAD: Final = ("group", "service", "organisation_kind", "urgency", "region", "state")
_STEPS: Final = f"referral.*; population by {PEOPLE}"

# Enslaved by descent and identified: whom, it was said abroad, nobody refers (domain §2, gap b).
_ENSLAVED: Final = f"""
    select * from ({V2.counted}) as identified
    where by -> 'exploitation' @> '["descent_based_slavery"]'
"""  # noqa: S608 - constants of ours
V5: Final = Indicator(
    code="V5",
    unit="persons",
    numerator="those of whom at least one referral was accepted at as_of",
    denominator="the persons of V2 who were held in descent-based slavery",
    source=_STEPS,
    dimensions=DIMENSIONS,
    # Materialised: PostgreSQL expects so few enslaved that it would ask all referrals for each of them.
    counted=f"""
        with accepted as materialized (
            select distinct person from ({REFERRALS}) as referrals where accepted_at is not null
        )
        select enslaved.* from ({_ENSLAVED}) as enslaved join accepted on accepted.person = item
    """,  # noqa: S608 - constants of ours
    out_of=_ENSLAVED,
)
R1: Final = Indicator(
    code="R1",
    unit="persons",
    numerator="distinct victims for whom at least one referral was offered in the window",
    source=f"referral.offered; population by {PEOPLE}",
    dimensions=("group", "exploitation", "detection_channel", "service"),
    counted=f"select person as item, event_id, by from ({OFFERED}) as offered",  # noqa: S608 - ours
)
R2: Final = Indicator(
    code="R2",
    unit="referrals",
    numerator="victims' referrals offered in the window, by the state they are in at as_of",
    source=_STEPS,
    dimensions=_ROAD,
    counted=OFFERED,
)
R3: Final = Indicator(
    code="R3",
    unit="referrals",
    numerator="those accepted or declined in time: within 1 h, 24 h, 72 h or 14 days by urgency",
    denominator="victims' referrals offered in the window",
    source=_STEPS,
    dimensions=_ROAD,
    counted=f"""
        select item, event_id, by from ({OFFERED}) as offered
        where answered_at <= {DUE_AT}
    """,  # noqa: S608 - constants of ours
    out_of=OFFERED,
)
R4: Final = Indicator(
    code="R4",
    unit="referrals",
    numerator="those of the accepted whose service was delivered",
    denominator="victims' referrals offered in the window that were accepted",
    source=_STEPS,
    dimensions=_ROAD,
    counted=f"""
        select item, event_id, by from ({OFFERED}) as offered
        where accepted_at is not null and delivered_at is not null
    """,  # noqa: S608 - constants of ours
    out_of=f"select item, event_id, by from ({OFFERED}) as offered where accepted_at is not null",  # noqa: S608 - ours
)
R5: Final = Indicator(
    code="R5",
    unit="referrals",
    numerator="those of the delivered that the case's owner, who had asked for them, has confirmed",
    denominator="victims' referrals offered in the window whose service was delivered",
    source=_STEPS,
    dimensions=_ROAD,
    counted=f"""
        select item, event_id, by from ({OFFERED}) as offered
        where delivered_at is not null and confirmed_at is not null
    """,  # noqa: S608 - constants of ours
    out_of=f"select item, event_id, by from ({OFFERED}) as offered where delivered_at is not null",  # noqa: S608 - ours
)
R6: Final = Indicator(
    code="R6",
    unit="persons",
    numerator="distinct victims with a service that was offered or found nobody in the window, and "
    "that no organisation had accepted at as_of",
    source="referral.offered, referral.accepted, referral.unplaced; population as in R1",
    dimensions=(*DIMENSIONS, "service"),
    counted=f"""
        select person as item, event_id, by from (
            select person, service, event_id, by, offered_at as at from ({REFERRALS}) as referrals
            union all
            select person, service, facts_unplaced.event_id,
                   by || jsonb_build_object('service', jsonb_build_array(service)), at
            from facts_unplaced join ({PERSONS}) as persons using (case_id)
            where not is_smuggled and at < :as_of
        ) as asked
        where at >= :first_moment and at < :end_moment and (person, service) not in (
            select person, service from ({REFERRALS}) as referrals where accepted_at is not null
        )
    """,  # noqa: S608 - constants of ours
)
