"""Seals a case, a suspect or a threat to intake, so that it can be reported without a name in clear on the way."""

from datetime import datetime
from typing import TypeVar
from uuid import UUID

from contracts.event import Message
from contracts.form import CaseSubmission, SuspectIdentity, ThreatDetails
from contracts.keyring import Keyring
from contracts.reading import REQUEST_BYTES
from contracts.reports import (
    ReportCase,
    ReportSuspect,
    ReportThreat,
    place_of_part,
    place_of_report,
)
from contracts.sealing import Place, Sealed, SealingRefused, seal
from partners.kit.errors import KitError

Report = TypeVar("Report", ReportSuspect, ReportThreat)
_Any = TypeVar("_Any", bound=Message)
TOO_LONG = "the form is too long for one message: register this case at intake's own form"


def sealed_report(
    form: CaseSubmission, report_id: UUID, *, organisation: str, ring: Keyring, at: datetime
) -> ReportCase:
    """The request that registers this case; organisation: who will send it, and nobody else can.

    report_id: your own id of the report. Reporting again under it, also after a crash, is the same
    case and gets the same number. Raises `KitError` without a key of intake, or for a form too long.
    """
    place = place_of_report(organisation, report_id)
    return _fitting(ReportCase(report_id=report_id, sealed=_sealed(form, place, ring=ring, at=at)))


def sealed_part(
    report: Report,
    said: SuspectIdentity | ThreatDetails,
    *,
    organisation: str,
    ring: Keyring,
    at: datetime,
) -> Report:
    """The same report with what is personal, sealed to intake: who a suspect is, or words for a dossier.

    organisation: who will send it, and nobody else can. Raises `KitError` as `sealed_report`.
    """
    sealed = _sealed(said, place_of_part(organisation, report), ring=ring, at=at)
    return _fitting(report.model_copy(update={"sealed": sealed}))


def _sealed(said: Message, place: Place, *, ring: Keyring, at: datetime) -> Sealed:
    # One is enough, and each more makes the message longer: the newest.
    keys = ring.current(place.recipient, use="sealing", at=at)[:1]
    if not keys:
        raise KitError(
            "no key of this month to seal to: ask the platform's operator for its keys"
            " (`siraba keys show`), or wait for `keys.published`"
        )
    try:
        return seal(said.encode(), place, keys=keys)
    except SealingRefused:
        raise KitError(TOO_LONG) from None


def _fitting(report: _Any) -> _Any:
    if len(report.encode()) > REQUEST_BYTES:
        raise KitError(TOO_LONG)
    return report
