"""Indicators of protection in persons: sheltered, reunified, returned, followed up, opened in need (domain §6)."""

from typing import Final

from services.reporting.store.indicators.defined import Indicator
from services.reporting.store.indicators.persons import DIMENSIONS, PEOPLE, PERSONS

# A stay begins with the shelter's service and ends with it, or goes on; days are Mali's, which are
# UTC's. Its nights are those between days of the window that have been.
STAYS: Final = f"""
    select * from (
        select referral_id, person, event_id, organisation, by,
               least(last_day, cast(:end as date), (cast(:as_of as timestamptz) at time zone 'UTC')::date)
                   - greatest(first_day, cast(:start as date)) as nights
        from (
            select referral_id, person, organisation, by, event_id,
                   (begun_at at time zone 'UTC')::date as first_day,
                   (ended_at at time zone 'UTC')::date as last_day
            from (
                select referral_id, person, organisation,
                       by || jsonb_build_object('organisation', jsonb_build_array(organisation)) as by
                from facts_referrals join ({PERSONS}) as persons using (case_id)
                where service = 'shelter' and offered_at < :as_of and not is_smuggled
            ) as sheltered
            cross join lateral (
                select min(at) filter (where step = 'started') as begun_at,
                       min(at) filter (
                           where step in ('delivered', 'not_delivered', 'withdrawn')
                       ) as ended_at,
                       (array_agg(event_id order by at, stream_sequence)
                           filter (where step = 'started'))[1] as event_id
                from facts_referral_steps as steps
                where steps.referral_id = sheltered.referral_id and at < :as_of
            ) as steps
            where begun_at is not null
        ) as days
    ) as stays where nights > 0
"""  # noqa: S608 - constants of ours
_STAYED: Final = "referral.started, referral.delivered, referral.not_delivered, referral.withdrawn"
SHELTERED: Final = f"{_STAYED}; population by {PEOPLE}"

A2: Final = Indicator(
    code="A2",
    unit="persons",
    numerator="distinct victims who spent at least one night of the window in a shelter to which "
    "they were referred",
    source=SHELTERED,
    dimensions=(*DIMENSIONS, "organisation"),
    counted=f"select person as item, event_id, by from ({STAYS}) as stays",  # noqa: S608 - ours
)
A3: Final = Indicator(
    code="A3",
    unit="persons",
    numerator="distinct children among the victims whose reunification with their family was "
    "delivered in the window; a decision on a child's best interests is not an event yet",
    source=f"referral.delivered; population by {PEOPLE}",
    dimensions=DIMENSIONS,
    counted=f"""
        select person as item, steps.event_id, by
        from facts_referral_steps as steps
        join facts_referrals using (referral_id)
        join ({PERSONS}) as persons using (case_id)
        where step = 'delivered' and service = 'reunification' and not is_smuggled
          and by ->> 'group' in ('["girl"]', '["boy"]')
          and steps.at < :as_of and offered_at < :as_of
          and steps.at >= :first_moment and steps.at < :end_moment
    """,  # noqa: S608 - constants of ours
)
A4: Final = Indicator(
    code="A4",
    unit="persons",
    numerator="distinct victims who arrived, on a day of the window, by a return that they wanted and "
    "whose risk was assessed",
    source=f"return.completed; population by {PEOPLE}",
    dimensions=(*DIMENSIONS, "return_type"),
    counted=f"""
        select person as item, returns.event_id,
               by || jsonb_build_object('return_type', jsonb_build_array(return_type)) as by
        from facts_returns as returns join ({PERSONS}) as persons using (case_id)
        where is_voluntary and is_risk_assessed and not is_smuggled
          and returns.at < :as_of and completed_on >= :start and completed_on < :end
    """,  # noqa: S608 - constants of ours
)
# Whoever found a home: of a case the next word on its end may be that this was said by mistake.
_HOME: Final = f"""
    select person as item, closings.event_id,
           by || jsonb_build_object('closure_reason', jsonb_build_array(reason)) as by
    from (
        select case_id, event_id, step, reason, stood_on,
               lead(reason) over (partition by case_id order by case_sequence) as next_reason
        from facts_closings where at < :as_of
    ) as closings
    join ({PERSONS}) as persons using (case_id)
    where step = 'closed' and reason in ('reintegrated', 'reunified', 'repatriated')
      and not is_smuggled and next_reason is distinct from 'closed_in_error'
      and stood_on >= :start and stood_on < :end
"""  # noqa: S608 - constants of ours
A5: Final = Indicator(
    code="A5",
    unit="persons",
    numerator="those of them who were followed up, before or after, 150 to 210 days after the days "
    "began to be counted",
    denominator="distinct victims whose case was closed as reintegrated, reunified or repatriated on "
    "a day of the window, unless the next word on that case at as_of is that it was closed in error",
    source=f"case.closed, case.reopened, followup.done; population by {PEOPLE}",
    dimensions=(*DIMENSIONS, "closure_reason"),
    counted=f"""
        select home.item, followed.event_id, home.by
        from ({_HOME}) as home join (
            select person as item, followups.event_id
            from facts_followups as followups join ({PERSONS}) as persons using (case_id)
            where after_days between 150 and 210 and followups.at < :as_of
        ) as followed using (item)
    """,  # noqa: S608 - constants of ours
    out_of=_HOME,
)
S1: Final = Indicator(
    code="S1",
    unit="exceptions",
    numerator="times that two persons of different organisations opened a dossier that was not "
    "theirs, in the window",
    source="access.excepted",
    dimensions=("organisation", "reason"),
    counted="""
        select case_id || ' ' || case_sequence as item, event_id, jsonb_build_object(
            'organisation', jsonb_build_array(organisation), 'reason', jsonb_build_array(reason)
        ) as by
        from facts_exceptions
        where at < :as_of and at >= :first_moment and at < :end_moment
    """,
)
