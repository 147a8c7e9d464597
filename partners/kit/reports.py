"""Seals a case to intake, so that it can be reported without a name in clear on the way."""

from datetime import datetime
from uuid import UUID

from contracts.form import CaseSubmission
from contracts.keyring import Keyring
from contracts.reading import REQUEST_BYTES
from contracts.reports import ReportCase, place_of_report
from contracts.sealing import SealingRefused, seal
from partners.kit.errors import KitError

TOO_LONG = "the form is too long for one message: register this case at intake's own form"


def sealed_report(
    form: CaseSubmission, report_id: UUID, *, organisation: str, ring: Keyring, at: datetime
) -> ReportCase:
    """The request that registers this case; organisation: who will send it, and nobody else can.

    report_id: your own id of the report. Reporting again under it, also after a crash, is the same
    case and gets the same number. Raises `KitError` without a key of intake, or for a form too long.
    """
    place = place_of_report(organisation, report_id)
    # One is enough, and each more makes the message longer: the newest.
    keys = ring.current(place.recipient, use="sealing", at=at)[:1]
    if not keys:
        raise KitError(
            "no key of this month to seal to: ask the platform's operator for its keys"
            " (`siraba keys show`), or wait for `keys.published`"
        )
    try:
        report = ReportCase(report_id=report_id, sealed=seal(form.encode(), place, keys=keys))
    except SealingRefused:
        raise KitError(TOO_LONG) from None
    if len(report.encode()) > REQUEST_BYTES:
        raise KitError(TOO_LONG)
    return report
