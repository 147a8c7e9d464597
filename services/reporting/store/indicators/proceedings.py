"""Indicators of justice: files and suspects, never one number of both (domain §6, J)."""

from typing import Final

from services.reporting.store.indicators.defined import Indicator

# A prosecution has begun where a judge or a court has the file.
_PROSECUTED: Final = """(
    'judicial_investigation', 'charged', 'sent_to_correctional_court', 'sent_to_criminal_chamber',
    'judged', 'appealed', 'cassation', 'final'
)"""
_FIRST: Final = "order by stood_on, at, stream_sequence"
_LAST: Final = "order by at desc, stream_sequence desc"
# A file is its organisation's, however many cases it is on; what it is about, its last word says.
FILES: Final = f"""
    select * from (
        select organisation, proceeding_id, organisation || ' ' || proceeding_id as file,
               min(stood_on) as opened_on, (array_agg(event_id {_FIRST}))[1] as event_id,
               min(stood_on) filter (where state in {_PROSECUTED}) as prosecuted_on,
               (array_agg(event_id {_FIRST}) filter (where state in {_PROSECUTED}))[1]
                   as prosecution,
               (array_agg(offence_class {_LAST}))[1] as offence_class,
               jsonb_build_object(
                   'offence_class', jsonb_build_array((array_agg(offence_class {_LAST}))[1]),
                   'region', jsonb_build_array(coalesce((array_agg(region {_LAST}))[1], 'unknown')),
                   'organisation_kind', jsonb_build_array((array_agg(organisation_kind {_LAST}))[1])
               ) as by
        from facts_proceedings where at < :as_of
        group by organisation, proceeding_id
    ) as every where offence_class <> 'migrant_smuggling'
"""  # noqa: S608 - constants of ours
# An organisation's own id of a suspect is the same in all its files. What she is, its last word says.
SUSPECTS: Final = f"""
    select organisation || ' ' || suspect_id as suspect, min(stood_on) as suspected_on,
           (array_agg(suspects.event_id {_FIRST}))[1] as event_id,
           (array_agg(is_official {_LAST}))[1] as is_official,
           (array_agg(is_victim_too {_LAST}))[1] as is_victim_too,
           (array_agg(custody {_LAST}))[1] as custody,
           jsonb_build_object(
               'sex', jsonb_build_array((array_agg(sex {_LAST}))[1]),
               'age', jsonb_build_array(case
                   when (array_agg(age_band {_LAST}))[1] = 'unknown' then 'unknown'
                   when (array_agg(age_band {_LAST}))[1] in
                       ('0-4', '5-8', '9-11', '12-14', '15-17') then 'minor'
                   else 'adult'
               end),
               'citizenship', case jsonb_array_length((array_agg(to_jsonb(citizenship) {_LAST}))[1])
                   when 0 then '["unknown"]' else (array_agg(to_jsonb(citizenship) {_LAST}))[1] end
           ) as by
    from facts_suspects as suspects
    join (select organisation, proceeding_id from ({FILES}) as files) as files
        using (organisation, proceeding_id)
    where at < :as_of
    group by organisation, suspect_id
"""  # noqa: S608 - constants of ours
SUSPECTED: Final = f"""
    select suspect as item, event_id, by from ({SUSPECTS}) as suspects
    where suspected_on >= :start and suspected_on < :end
"""  # noqa: S608 - constants of ours
OF_FILE: Final = ("offence_class", "region", "organisation_kind")
OF_SUSPECT: Final = ("sex", "age", "citizenship")

J1: Final = Indicator(
    code="J1",
    unit="files",
    numerator="files of which the first day that was told lies in the window; smuggling of "
    "migrants not among them",
    source="proceeding.opened, proceeding.advanced",
    dimensions=OF_FILE,
    counted=f"""
        select file as item, event_id, by from ({FILES}) as files
        where opened_on >= :start and opened_on < :end
    """,  # noqa: S608 - constants of ours
)
J2: Final = Indicator(
    code="J2",
    unit="suspects",
    numerator="distinct suspects, by their organisation's id, first told of on a day of the window",
    source="suspect.recorded; offence by proceeding.opened, proceeding.advanced",
    dimensions=OF_SUSPECT,
    counted=SUSPECTED,
)
J3_FILES: Final = Indicator(
    code="J3F",
    unit="files",
    numerator="files that on a day of the window first were before a judge or a court",
    source="proceeding.opened, proceeding.advanced",
    dimensions=OF_FILE,
    counted=f"""
        select file as item, prosecution as event_id, by from ({FILES}) as files
        where prosecuted_on >= :start and prosecuted_on < :end
    """,  # noqa: S608 - constants of ours
)
J3_SUSPECTS: Final = Indicator(
    code="J3S",
    unit="suspects",
    numerator="distinct suspects of the files of J3F",
    source="suspect.recorded; files as in J3F",
    dimensions=OF_SUSPECT,
    counted=f"""
        select suspect as item, prosecution as event_id, suspects.by
        from ({FILES}) as files
        join facts_suspects as known using (organisation, proceeding_id)
        join ({SUSPECTS}) as suspects on suspect = organisation || ' ' || suspect_id
        where known.at < :as_of and prosecuted_on >= :start and prosecuted_on < :end
    """,  # noqa: S608 - constants of ours
)
J4: Final = Indicator(
    code="J4",
    unit="suspects",
    numerator="distinct suspects by their first verdict in a file, given on a day of the window; "
    "of two words on one day the later counts. Smuggling of migrants is not among the offences",
    source="judgment.rendered",
    dimensions=("verdict", "court", "offence_class"),
    counted="""
        select organisation || ' ' || suspect_id as item, event_id, jsonb_build_object(
            'verdict', jsonb_build_array(verdict), 'court', jsonb_build_array(court),
            'offence_class', jsonb_build_array(offence_class)
        ) as by
        from (
            select distinct on (organisation, proceeding_id, suspect_id) *
            from facts_judgments where at < :as_of
            order by organisation, proceeding_id, suspect_id, judged_on, at desc,
                     stream_sequence desc
        ) as first
        where offence_class <> 'migrant_smuggling' and judged_on >= :start and judged_on < :end
    """,
)
J5: Final = Indicator(
    code="J5",
    unit="suspects",
    numerator="those of J2 who hold a public office",
    denominator="the suspects of J2",
    source="suspect.recorded; offence by proceeding.opened, proceeding.advanced",
    dimensions=OF_SUSPECT,
    counted=f"""
        select suspect as item, event_id, by from ({SUSPECTS}) as suspects
        where suspected_on >= :start and suspected_on < :end and is_official
    """,  # noqa: S608 - constants of ours
    out_of=SUSPECTED,
)
