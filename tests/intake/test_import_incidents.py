"""A sheet whose rows belong together: imported as incidents, over HTTP, each row once."""

import pytest

from contracts.incidents import INCIDENT_PERSONS
from deploy.importing import import_rows
from deploy.intake_client import Sender
from services.intake.imports import Row, read_cases
from tests.builders import TODAY
from tests.intake.desks import Desk
from tests.serving import serving

pytestmark = pytest.mark.share("lifecycle")
HEAD = "prs_Gender,prs_Citizenship,siraba_suspect_too,siraba_incident,siraba_family,siraba_cercle\n"
SHEET = (
    HEAD
    + """\
Feminine,GIN,no,nuit du 20,Keita,0006
Masculine,GIN,yes,nuit du 20,Keita,0006
Masculine,CIV,,nuit du 20,,0006
Masculine,martien,,nuit du 20,,0006
Feminine,MLI,,,,1201
Masculine,MLI,,Kita,,1201
Masculine,MLI,,Kita,,1202
"""
)


def read(text: str) -> list[Row]:
    return read_cases(text.encode(), today=TODAY)


def faults(text: str) -> list[tuple[int, str, str]]:
    return [(row.number, one.column, one.rule) for row in read(text) for one in row.refusals]


def test_a_row_says_with_whom_it_belongs_and_keeps_the_words_out_of_its_dossier() -> None:
    first, second, *_ = read(SHEET)

    assert (first.incident, first.family) == (second.incident, second.family)
    assert (first.incident, first.family) == ("nuit du 20", "Keita")
    assert second.submission is not None
    assert second.submission["is_suspect_too"]
    assert "nuit" not in str(second.submission)
    assert "Keita" not in str(second.submission)


def test_a_family_is_one_of_an_incident_and_its_word_is_short() -> None:
    alone = HEAD + "Feminine,MLI,,,Keita,\n"
    long = HEAD + f"Feminine,MLI,,nuit,{'K' * 101},\n"

    assert faults(alone) == [(2, "siraba_family", "needs_incident")]
    assert faults(long) == [(2, "siraba_family", "too_long")]


def test_whoever_comes_after_the_thousandth_of_an_incident_is_refused() -> None:
    rows = "Feminine,MLI,,nuit,,\n" * (INCIDENT_PERSONS + 2) + "Feminine,MLI,,jour,,\n"

    last = INCIDENT_PERSONS + 1
    assert faults(HEAD + rows) == [
        (number, "siraba_incident", "incident_too_large") for number in (last + 1, last + 2)
    ]


async def test_the_rows_of_an_incident_are_registered_together_and_a_second_import_adds_nothing(
    desk: Desk,
) -> None:
    content = SHEET.encode()
    sender = Sender(organisation="POLICE_A", signing=desk.keys["POLICE_A"])
    passed: list[None] = []

    async with serving(desk.app) as address:
        outcomes = [
            await import_rows(
                read(SHEET),
                content=content,
                url=address,
                sender=sender,
                progress=lambda: passed.append(None),
            )
            for _ in range(2)
        ]

    first, again = outcomes
    assert sorted(first.registered) == [2, 3, 4, 6, 7, 8]
    assert (first.known, first.refused_rows) == ([], [5])
    assert (again.registered, again.known) == ({}, [2, 3, 4, 6, 7, 8])
    assert again.refused == first.refused
    assert len(passed) == 2 * 7
    found = await desk.site.rows(
        "select number, facts->>'incident_id', facts->>'family_id' from intake.cases"
    )
    of = {number: (incident, family) for number, incident, family in found}
    incidents = [of[first.registered[row]][0] for row in (2, 3, 4, 7, 8, 6)]
    assert len(set(incidents[:3])) == len(set(incidents[3:5])) == 1
    assert incidents[0] != incidents[3]
    assert incidents[5] is None
    assert of[first.registered[2]][1] == of[first.registered[3]][1] is not None
    places = await desk.site.rows(
        "select region, cercle, detected_on from intake.incidents order by region"
    )
    assert places == [("00", "0006", TODAY), ("12", None, TODAY)]
