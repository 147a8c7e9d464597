"""Indicators in persons: detected, identified, assisted (domain §6, V, A and Q)."""

from typing import Final

from services.reporting.store.figures import LAST_MERGES, NOBODY
from services.reporting.store.indicators.defined import Indicator

# D1 to D6 of domain §6, as far as a coded case says them: there is one region of a case, and no
# word on borders. Where the sex or the age is not known, neither is the group.
_BY: Final = """
    jsonb_build_object(
        'group', jsonb_build_array(case
            when person.sex = 'unknown' or person.age_band = 'unknown' then 'unknown'
            when person.age_band in ('0-4', '5-8', '9-11', '12-14', '15-17')
                then case person.sex when 'female' then 'girl' else 'boy' end
            else case person.sex when 'female' then 'woman' else 'man' end
        end),
        'exploitation', to_jsonb(person.exploitation),
        'citizenship', case cardinality(person.citizenship)
            when 0 then '["unknown"]' else to_jsonb(person.citizenship) end,
        'region', jsonb_build_array(coalesce(person.region, 'unknown')),
        'detection_channel', jsonb_build_array(person.detection_channel)
    )
"""
PEOPLE: Final = "case.registered, case.merged, case.unmerged, case.erased"
DIMENSIONS: Final = ("group", "exploitation", "citizenship", "region", "detection_channel")
# Merged cases are one person: that of the case they are merged into; a case registered in error is
# none. One that has not been heard
# of yet may be of either population: it waits.
PERSONS: Final = f"""
    select known.case_id, person.case_id as person, person.event_id, person.detected_on,
           person.registered_on, person.victim_status,
           person.offence_class = 'migrant_smuggling' as is_smuggled, {_BY} as by
    from facts_cases as known
    left join ({LAST_MERGES}) as merge on merge.case_id = known.case_id
    join facts_cases as person on person.case_id = coalesce(merge.merged_into, known.case_id)
    where known.recorded_at < :as_of and person.recorded_at < :as_of
      and known.case_id not in ({NOBODY}) and person.case_id not in ({NOBODY})
"""  # noqa: S608 - constants of ours
_ASSISTED: Final = f"""
    select person as item, steps.event_id,
           by || jsonb_build_object(
               'service', jsonb_build_array(service),
               'organisation_kind', jsonb_build_array(organisation_kind)
           ) as by
    from facts_referral_steps as steps
    join facts_referrals using (referral_id)
    join ({PERSONS}) as persons using (case_id)
    where step = 'delivered' and steps.at < :as_of and offered_at < :as_of
      and steps.at >= :first_moment and steps.at < :end_moment
"""  # noqa: S608 - constants of ours

V1: Final = Indicator(
    code="V1",
    unit="persons",
    numerator="distinct persons detected on a day of the window, smuggled migrants not among them",
    source=PEOPLE,
    dimensions=DIMENSIONS,
    counted=f"""
        select person as item, event_id, by from ({PERSONS}) as persons
        where not is_smuggled and detected_on >= :start and detected_on < :end
    """,  # noqa: S608 - constants of ours
)
V2: Final = Indicator(
    code="V2",
    unit="persons",
    numerator="distinct persons registered on a day of the window as identified, or as recognised "
    "by a court; smuggled migrants not among them",
    source=PEOPLE,
    dimensions=DIMENSIONS,
    counted=f"""
        select person as item, event_id, by from ({PERSONS}) as persons
        where not is_smuggled
          and victim_status in ('identified', 'recognised_by_court')
          and registered_on >= :start and registered_on < :end
    """,  # noqa: S608 - constants of ours
)
V3: Final = Indicator(
    code="V3",
    unit="persons",
    numerator="those who were registered as identified, recognised by a court or not a victim "
    "within 30 days of the day on which they were detected",
    denominator="the persons of V1",
    source=PEOPLE,
    dimensions=DIMENSIONS,
    counted=f"{V1.counted} and victim_status <> 'presumed' and registered_on <= detected_on + 30",
    out_of=V1.counted,
)
V6: Final = Indicator(
    code="V6",
    unit="persons",
    numerator="distinct smuggled migrants to whom a service was delivered in the window",
    source=f"referral.delivered; population by {PEOPLE}",
    dimensions=(*DIMENSIONS, "service", "organisation_kind"),
    counted=f"{_ASSISTED} and is_smuggled",
)
A1: Final = Indicator(
    code="A1",
    unit="persons",
    numerator="distinct victims to whom a service was delivered in the window: neither those "
    "referred nor those identified",
    source=f"referral.delivered; population by {PEOPLE}",
    dimensions=(*DIMENSIONS, "service", "organisation_kind"),
    counted=f"{_ASSISTED} and not is_smuggled",
)
_CASES: Final = f"""
    select case_id as item, event_id, jsonb_build_object(
        'owner', jsonb_build_array(owner), 'region', jsonb_build_array(coalesce(region, 'unknown'))
    ) as by
    from facts_cases
    where recorded_at < :as_of and detected_on >= :start and detected_on < :end
      and case_id not in ({NOBODY})
"""  # noqa: S608 - constants of ours
Q1: Final = Indicator(
    code="Q1",
    unit="cases",
    numerator="cases of which sex, age, citizenship and form of exploitation are all known",
    denominator="all cases of persons detected on a day of the window, of both populations",
    source="case.registered, case.erased",
    dimensions=("owner", "region"),
    counted=f"""{_CASES}
        and sex <> 'unknown' and age_band <> 'unknown' and cardinality(citizenship) > 0
        and 'to_be_determined' <> all(exploitation)
    """,
    out_of=_CASES,
)
