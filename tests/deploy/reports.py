"""Reports of conformance as an organisation hands them over, without the examination."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

from partners.conformance.catalogue import NAMES
from partners.conformance.report import Outcome, Report, Verdict, contracts_digest, sign_report
from partners.kit import Keys


def a_report(
    folder: Path,
    keys: Keys,
    *,
    failed: str = "",
    contracts: str | None = None,
    age: timedelta = timedelta(0),
) -> Path:
    """`report.json` in this folder, signed by these keys; every check passed but `failed`."""
    verdicts = tuple(
        Verdict(
            check=name,
            outcome=Outcome.FAILED if name == failed else Outcome.PASSED,
            milliseconds=1,
        )
        for name in NAMES
    )
    report = Report(
        code=keys.code,
        at=datetime.now(UTC) - age,
        contracts=contracts or contracts_digest(),
        verdicts=verdicts,
    )
    path = folder / "report.json"
    path.write_bytes(sign_report(report, keys.signing))
    return path
