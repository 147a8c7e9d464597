"""A partner's program seals a case to intake, with what it was handed or has heard."""

from datetime import UTC, datetime, timedelta
from pathlib import Path
from secrets import token_bytes
from uuid import uuid4

import pytest

from contracts.envelope import Envelope
from contracts.feed import CaseRegistered
from contracts.form import CaseSubmission
from contracts.keyring import Keyring
from contracts.reading import REQUEST_BYTES
from contracts.reports import place_of_report
from contracts.sealing import SealingRefused
from partners.kit import SYSTEM, KitError, Partner, init
from partners.kit.ledger import Ledger
from partners.kit.reports import sealed_report
from partners.kit.writing import Writer
from services.intake.vault import MonthlyKeys
from tests.builders import CANARY, coded_facts
from tests.partners.platform import Platform

pytestmark = pytest.mark.share("partners")
NOW = datetime(2026, 11, 24, 12, tzinfo=UTC)
CODE = "SHELTER_A"


@pytest.fixture
def months(tmp_path: Path) -> MonthlyKeys:
    keys = MonthlyKeys(tmp_path / "months", token_bytes)
    keys.renew(NOW)
    return keys


def a_form(text: str = CANARY) -> CaseSubmission:
    dossier = {"notes": {str(nth): text for nth in range(10)}}
    return CaseSubmission.model_validate(coded_facts(dossier=dossier))


def test_intake_opens_what_the_kit_has_sealed_and_nothing_of_it_is_in_clear(
    months: MonthlyKeys,
) -> None:
    report_id, ring = uuid4(), Keyring(months.public_keys())
    report = sealed_report(a_form(), report_id, organisation=CODE, ring=ring, at=NOW)

    opened = months.open_inbound(report.sealed, place_of_report(CODE, report_id), at=NOW)
    assert CaseSubmission.model_validate_json(opened) == a_form()
    assert CANARY.encode() not in report.encode()
    with pytest.raises(SealingRefused):
        months.open_inbound(report.sealed, place_of_report("CLINIC_B", report_id), at=NOW)


@pytest.mark.parametrize("days", [0, 20])
def test_it_is_sealed_to_the_key_of_the_month_alone(months: MonthlyKeys, days: int) -> None:
    at, ring = NOW + timedelta(days=days), Keyring(months.public_keys())
    report = sealed_report(a_form(), uuid4(), organisation=CODE, ring=ring, at=at)

    (recipient,) = report.sealed.recipients
    wanted = months.public_keys()[0 if days == 0 else 1]
    assert recipient.header.kid == wanted.id


def test_without_a_key_of_this_month_nothing_is_sealed_and_it_says_what_to_do(
    months: MonthlyKeys,
) -> None:
    late = NOW + timedelta(days=70)
    with pytest.raises(KitError, match="siraba keys show"):
        sealed_report(
            a_form(), uuid4(), organisation=CODE, ring=Keyring(months.public_keys()), at=late
        )


@pytest.mark.parametrize("size", [5_000, 9_000])
def test_a_form_that_the_platform_would_not_take_is_refused_here(
    months: MonthlyKeys, size: int
) -> None:
    ring = Keyring(months.public_keys())
    with pytest.raises(KitError, match="too long"):
        sealed_report(a_form("x" * size), uuid4(), organisation=CODE, ring=ring, at=NOW)


def test_a_form_as_long_as_the_platform_takes_is_sealed(months: MonthlyKeys) -> None:
    ring = Keyring(months.public_keys())
    report = sealed_report(a_form("x" * 4_000), uuid4(), organisation=CODE, ring=ring, at=NOW)

    assert REQUEST_BYTES / 2 < len(report.encode()) <= REQUEST_BYTES


async def test_a_program_that_knows_no_key_of_intake_is_told_before_anything_is_stored(
    platform: Platform, folders: dict[str, Path]
) -> None:
    async with Partner.open(folders[CODE], url=platform.url) as partner:
        with pytest.raises(KitError, match="no key of this month"):
            partner.sealed_report(a_form(), uuid4())
        assert partner.requests_sent("case.report") == 0


def test_a_report_that_was_registered_is_never_sent_again(
    months: MonthlyKeys, tmp_path: Path
) -> None:
    """It would bring back, sealed, what may have been erased since."""
    ledger, ring = Ledger.open_in_memory(), Keyring(months.public_keys())
    writer = Writer(ledger=ledger, edge=SYSTEM, keys=init(tmp_path / "keys", code=CODE))
    reports = [
        sealed_report(a_form(), uuid4(), organisation=CODE, ring=ring, at=NOW) for _ in range(2)
    ]
    ids = [writer.store(one) for one in reports]
    for id in ids:
        ledger.outbox.acknowledged(id, NOW)
    registered = CaseRegistered(
        report_id=reports[0].report_id, case_number="ML-01-2026-7K3QXF-C", registered_on=NOW.date()
    )
    ledger.receive(
        Envelope(id=uuid4(), source="/siraba/intake", type="t", subject="s"),
        registered,
        hop=None,
        recorded_at=NOW,
        now=NOW,
        organisation=CODE,
    )
    first, again = (
        ledger.mind_loss(born, door="nats", since=NOW, sign=writer.signed_anew)
        for born in ("one", "other")
    )
    waiting = [one.id for one in ledger.outbox.waiting()]
    ledger.close()
    assert (first, again, waiting) == (0, 1, ids[1:])
