"""Figures that are no number of things: sums, medians and rates, each with its unit (domain §6)."""

from typing import Final

from contracts.vocabulary import territories
from services.reporting.store.indicators import sessions
from services.reporting.store.indicators.care import SHELTERED, STAYS
from services.reporting.store.indicators.defined import Measure
from services.reporting.store.indicators.outcomes import JUDGED
from services.reporting.store.indicators.persons import PEOPLE, V2
from services.reporting.store.indicators.proceedings import FILES, OF_FILE
from services.reporting.store.indicators.referrals import OFFERED, R4

# RGPH5 counted in 2022; 3.3 % more each year is the growth that domain §6 names, and so is whoever
# divides by it. A window is of the year in which it begins; a century away nothing is guessed any
# more, and the number stays what it is there.
_COUNTED_2022: Final = ", ".join(f"('{one.ct}', {one.population_2022})" for one in territories())
_RESIDENTS: Final = f"""
    select ct as item, jsonb_build_object('region', jsonb_build_array(ct)) as by,
           round(population * power(
               1.033::numeric,
               greatest(-100, least(100, extract(year from cast(:start as date)) - 2022))
           ))::bigint as amount
    from (values {_COUNTED_2022}) as residents (ct, population)
"""  # noqa: S608 - constants of ours
# An organisation's last count of its places, times the days of the window that have been. The first
# day of all reaches PostgreSQL as minus infinity, from which no days can be counted.
_PLACE_NIGHTS: Final = """
    select organisation as item,
           jsonb_build_object('organisation', jsonb_build_array(organisation)) as by,
           places::bigint * greatest(0, least(
               cast(:end as date), (cast(:as_of as timestamptz) at time zone 'UTC')::date
           ) - greatest(cast(:start as date), date '0001-01-02')) as amount
    from (
        select distinct on (organisation) organisation, places from facts_places
        where service = 'shelter' and at < :as_of and counted_at < :end_moment
        order by organisation, counted_at desc, at desc, stream_sequence desc
    ) as last
"""
_NIGHTS: Final = f"""
    select referral_id as item, event_id, by, nights as amount, organisation
    from ({STAYS}) as stays
"""  # noqa: S608 - constants of ours
_OF_JUDGMENT: Final = f"""
    select organisation || ' ' || proceeding_id || ' ' || suspect_id as item, event_id,
           jsonb_build_object(
               'court', jsonb_build_array(court), 'offence_class', jsonb_build_array(offence_class)
           ) as by,
           {{amount}} as amount
    from ({JUDGED}) as judged
"""  # noqa: S608 - constants of ours

V4: Final = Measure(
    code="V4",
    unit="persons",
    how="sum",
    meaning="the persons of V2 for every 100,000 residents of the year in which the window begins "
    "(SDG 16.2.2); residents by the census of 2022 and 3.3 % more each year",
    source=PEOPLE,
    dimensions=("region",),
    measured=f"select item, event_id, by, 1 as amount from ({V2.counted}) as identified",  # noqa: S608 - ours
    out_of=_RESIDENTS,
    times=100_000,
)
A2_NIGHTS: Final = Measure(
    code="A2N",
    unit="nights",
    how="sum",
    meaning="nights of the window that victims spent in shelters to which they were referred",
    source=SHELTERED,
    dimensions=("group", "region", "organisation"),
    measured=_NIGHTS,
)
A2_OCCUPANCY: Final = Measure(
    code="A2O",
    unit="nights",
    how="sum",
    meaning="nights of A2N in shelters that count their places, out of those places' nights by the "
    "last count of each in the window or before",
    source=f"capacity.changed; {SHELTERED}",
    dimensions=("organisation",),
    measured=f"""
        select * from ({_NIGHTS}) as nights
        where organisation in (select item from ({_PLACE_NIGHTS}) as counted)
    """,  # noqa: S608 - constants of ours
    out_of=_PLACE_NIGHTS,
)
R4_DAYS: Final = Measure(
    code="R4D",
    unit="days",
    how="median",
    meaning="whole days from the offer to the service, over the delivered referrals of R4",
    source=R4.source,
    dimensions=R4.dimensions,
    measured=f"""
        select item, event_id, by,
               floor(extract(epoch from delivered_at - offered_at) / 86400)::int as amount
        from ({OFFERED}) as offered where accepted_at is not null and delivered_at is not null
    """,  # noqa: S608 - constants of ours
)
J6_DAYS: Final = Measure(
    code="J6D",
    unit="days",
    how="median",
    meaning="days from a file's first day to its first judgment, over the files first judged on a "
    "day of the window",
    source="proceeding.opened, proceeding.advanced, judgment.rendered",
    dimensions=OF_FILE,
    measured=f"""
        select file as item, judged.event_id, by, judged_on - opened_on as amount
        from ({FILES}) as files join (
            select distinct on (organisation, proceeding_id)
                   organisation, proceeding_id, judged_on, event_id
            from facts_judgments where at < :as_of
            order by organisation, proceeding_id, judged_on, at, stream_sequence
        ) as judged using (organisation, proceeding_id)
        where judged_on >= :start and judged_on < :end
    """,  # noqa: S608 - constants of ours
)
J7_AWARDED: Final = Measure(
    code="J7A",
    unit="francs",
    how="sum",
    meaning="reparation awarded, in CFA francs, by the last word on each judgment of the window",
    source="judgment.rendered",
    dimensions=("court", "offence_class"),
    measured=_OF_JUDGMENT.format(amount="reparation"),
)
J7_PAID: Final = Measure(
    code="J7P",
    unit="francs",
    how="sum",
    meaning="of the reparation of J7A, what has been paid",
    source="judgment.rendered",
    dimensions=("court", "offence_class"),
    measured=_OF_JUDGMENT.format(amount="reparation_paid"),
)
MEASURES: Final[dict[str, Measure]] = {
    one.code: one
    for one in (
        V4, A2_NIGHTS, A2_OCCUPANCY, R4_DAYS, J6_DAYS, J7_AWARDED, J7_PAID,
        sessions.P1_SESSIONS, sessions.P1, sessions.P1_REACH, sessions.P2, sessions.P3,
    )
}  # fmt: skip
