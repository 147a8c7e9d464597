"""What came of files: how many reach a court, who takes part, who is paid, who is held (domain §6, J)."""

from typing import Final

from services.reporting.store.indicators.defined import Indicator
from services.reporting.store.indicators.persons import DIMENSIONS, PEOPLE, PERSONS, V2
from services.reporting.store.indicators.proceedings import FILES, OF_FILE, OF_SUSPECT, SUSPECTS

_OPENED: Final = f"""
    select file as item, event_id, by, organisation, proceeding_id, prosecution
    from ({FILES}) as files where opened_on >= :start and opened_on < :end
"""  # noqa: S608 - constants of ours
_IN_COURT: Final = f"""
    select item, prosecution as event_id, by, organisation, proceeding_id
    from ({_OPENED}) as opened where prosecution is not null
"""  # noqa: S608 - constants of ours
#: Of each suspect in each file the last word on what the court decided.
JUDGED: Final = """
    select * from (
        select distinct on (organisation, proceeding_id, suspect_id) *
        from facts_judgments where at < :as_of
        order by organisation, proceeding_id, suspect_id, at desc, stream_sequence desc
    ) as last
    where offence_class <> 'migrant_smuggling' and judged_on >= :start and judged_on < :end
"""
# Of each victim in each file the last word on whether she takes part.
_TAKES_PART: Final = f"""
    select person, organisation, proceeding_id, event_id, by from (
        select distinct on (case_id, organisation, proceeding_id)
               case_id, organisation, proceeding_id, is_civil_party, event_id
        from facts_proceedings where at < :as_of and is_civil_party is not null
        order by case_id, organisation, proceeding_id, case_sequence desc
    ) as last
    join (select case_id, person, by from ({PERSONS}) as persons where not is_smuggled) as victims
        using (case_id)
    where is_civil_party
"""  # noqa: S608 - constants of ours
_FILED: Final = "proceeding.opened, proceeding.advanced"

J6_COURT: Final = Indicator(
    code="J6C",
    unit="files",
    numerator="those that were before a judge or a court at as_of",
    denominator="the files of J1",
    source=_FILED,
    dimensions=OF_FILE,
    counted=_IN_COURT,
    out_of=_OPENED,
)
J6_VERDICT: Final = Indicator(
    code="J6V",
    unit="files",
    numerator="those in which somebody was convicted at as_of",
    denominator="the files of J1 that were before a judge or a court at as_of",
    source=f"{_FILED}, judgment.rendered",
    dimensions=OF_FILE,
    counted=f"""
        select item, event_id, by from ({_IN_COURT}) as prosecuted
        where (organisation, proceeding_id) in (
            select organisation, proceeding_id from facts_judgments
            where verdict = 'convicted' and at < :as_of
        )
    """,  # noqa: S608 - constants of ours
    out_of=_IN_COURT,
)
J7_VICTIMS: Final = Indicator(
    code="J7V",
    unit="persons",
    numerator="distinct victims who take part in a file in which reparation was paid, by the last "
    "word on a judgment of the window",
    source=f"judgment.rendered; {_FILED}; population by {PEOPLE}",
    dimensions=DIMENSIONS,
    counted=f"""
        select person as item, judged.event_id, by
        from ({_TAKES_PART}) as parties
        join ({JUDGED}) as judged using (organisation, proceeding_id)
        where reparation_paid > 0
    """,  # noqa: S608 - constants of ours
)
J8: Final = Indicator(
    code="J8",
    unit="persons",
    numerator="those who take part in at least one file at as_of",
    denominator="the persons of V2",
    source=f"{_FILED}; population by {PEOPLE}",
    dimensions=DIMENSIONS,
    counted=f"""
        select * from ({V2.counted}) as identified
        where item in (select person from ({_TAKES_PART}) as parties)
    """,  # noqa: S608 - constants of ours
    out_of=V2.counted,
)
J8_HELD: Final = Indicator(
    code="J8H",
    unit="suspects",
    numerator="suspects of J2 who are victims too and are held: their punishment is to be reviewed",
    source="suspect.recorded; offence by proceeding.opened, proceeding.advanced",
    dimensions=OF_SUSPECT,
    counted=f"""
        select suspect as item, event_id, by from ({SUSPECTS}) as suspects
        where suspected_on >= :start and suspected_on < :end
          and is_victim_too and custody in ('police_custody', 'remand', 'serving_sentence')
    """,  # noqa: S608 - constants of ours
)
