"""Measures of prevention: sessions, who took part, whom a broadcast may have reached (domain §6, P)."""

from typing import Final

from services.reporting.store.indicators.defined import Measure

# Of a session the last word; of sessions that look alike (organiser, kind, day and place) the one
# that was said first, unless somebody has found that another is one of its own.
ALIKE: Final = "coalesce(organiser, organisation), session_kind, held_on, region, cercle"
KNOWN: Final = """
    select last.*, distinctions.organisation is not null as is_distinct
    from (
        select distinct on (organisation, session_id) *,
               min(stream_sequence) over (partition by organisation, session_id) as first_place
        from facts_sessions where at < :as_of
        order by organisation, session_id, case_sequence desc
    ) as last
    left join (
        select distinct organisation, session_id from facts_distinctions where at < :as_of
    ) as distinctions using (organisation, session_id)
"""
SESSIONS: Final = f"""
    select organisation || ' ' || session_id as session, event_id, participants, trained,
           estimated_reach, calls, jsonb_build_object(
               'session_kind', jsonb_build_array(session_kind),
               'region', jsonb_build_array(region),
               'language', jsonb_build_array(language)
           ) as by
    from (
        select *, row_number() over (
            partition by {ALIKE}, is_distinct order by first_place, organisation, session_id
        ) as nth
        from ({KNOWN}) as known
    ) as told
    where (nth = 1 or is_distinct) and held_on >= :start and held_on < :end
"""  # noqa: S608 - constants of ours
_ONCE: Final = (
    "; reports of one organiser, kind, day and place count once, until somebody finds that they are "
    "of different sessions"
)
_SOURCE: Final = "session.recorded, session.distinguished"
_OF_SESSION: Final = ("session_kind", "region", "language")

P1_SESSIONS: Final = Measure(
    code="P1S",
    unit="sessions",
    how="sum",
    meaning=f"sessions held on a day of the window, a hotline's days not among them{_ONCE}",
    source=_SOURCE,
    dimensions=_OF_SESSION,
    measured=f"""
        select session as item, event_id, by, 1 as amount from ({SESSIONS}) as held
        where calls is null
    """,  # noqa: S608 - constants of ours
)
P1: Final = Measure(
    code="P1",
    unit="participants",
    how="sum",
    meaning="participants counted at the sessions of P1S, professionals who were trained and reach "
    "that was estimated not among them; who came twice counts twice",
    source=_SOURCE,
    dimensions=("group", *_OF_SESSION),
    measured=f"""
        select session || ' ' || code as item, event_id,
               by || jsonb_build_object('group', jsonb_build_array(code)) as by, amount
        from ({SESSIONS}) as held
        cross join lateral (values
            ('woman', (participants ->> 'women')::int), ('man', (participants ->> 'men')::int),
            ('girl', (participants ->> 'girls')::int), ('boy', (participants ->> 'boys')::int)
        ) as counted (code, amount)
        where amount > 0
    """,  # noqa: S608 - constants of ours
)
P1_REACH: Final = Measure(
    code="P1R",
    unit="reached",
    how="sum",
    meaning="persons whom broadcasts and networks of the sessions of P1S are estimated to have "
    "reached: an estimate, never added to who was counted",
    source=_SOURCE,
    dimensions=_OF_SESSION,
    measured=f"""
        select session as item, event_id, by, estimated_reach as amount
        from ({SESSIONS}) as held where estimated_reach > 0
    """,  # noqa: S608 - constants of ours
)
P2: Final = Measure(
    code="P2",
    unit="participants",
    how="sum",
    meaning="professionals trained at the sessions of P1S, by what each corps was counted; who was "
    "trained twice counts twice",
    source=_SOURCE,
    dimensions=("corps", "sex", *_OF_SESSION),
    measured=f"""
        select concat_ws(' ', session, nth, code) as item, event_id,
               by || jsonb_build_object(
                   'corps', jsonb_build_array(one ->> 'corps'), 'sex', jsonb_build_array(code)
               ) as by,
               amount
        from ({SESSIONS}) as held
        cross join lateral jsonb_array_elements(trained) with ordinality as each (one, nth)
        cross join lateral (values
            ('female', (one ->> 'women')::int), ('male', (one ->> 'men')::int)
        ) as counted (code, amount)
        where amount > 0
    """,  # noqa: S608 - constants of ours
)
P3: Final = Measure(
    code="P3",
    unit="calls",
    how="sum",
    meaning=f"calls that hotlines took on days of the window{_ONCE}; who calls twice counts twice, "
    "and whom a call led to is counted in V1 under who detected",
    source=_SOURCE,
    dimensions=("region", "language"),
    measured=f"""
        select session as item, event_id, by, calls as amount from ({SESSIONS}) as held
        where calls > 0
    """,  # noqa: S608 - constants of ours
)
