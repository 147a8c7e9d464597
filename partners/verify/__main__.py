"""`python -m partners.verify FILE --keys KEYS --roots ROOTS`: 0 when nothing was found, 1 when something was."""

import argparse
import re
import sys
from collections.abc import Sequence
from pathlib import Path

from partners.verify import Report, Unreadable, check, read_export, read_keys, read_roots


def main(arguments: Sequence[str] | None = None) -> int:
    """Check one export; 2 when a file cannot be read."""
    given = _parser().parse_args(arguments)
    try:
        report = check(
            read_export(given.file.read_bytes()),
            keys=read_keys(given.keys.read_bytes()),
            roots=read_roots(given.roots.read_bytes()),
            as_of=given.as_of,
        )
    except OSError as error:
        print(f"cannot read {error.filename}", file=sys.stderr)  # noqa: T201 - a command
        return 2
    except Unreadable as fault:
        print(f"unreadable: {fault}", file=sys.stderr)  # noqa: T201 - a command
        return 2
    print("\n".join(_lines(report)))  # noqa: T201 - a command
    return 1 if report.findings else 0


def _lines(report: Report) -> list[str]:
    whole = f"case {report.case}: {report.messages} messages, {report.looks} recorded looks"
    covered = [f"{service}: under a witnessed root until {at}" for service, at in
               report.covered.items()]  # fmt: skip
    findings = [f"{finding.where}: {finding.fault}" for finding in report.findings]
    verdict = f"{len(findings)} FINDINGS" if findings else "nothing was changed, dropped or put in"
    return [whole, *covered, *findings, verdict]


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m partners.verify", description=__doc__)
    parser.add_argument("file", type=Path, help="what `siraba evidence export` wrote")
    parser.add_argument("--keys", type=Path, required=True, help="public keys, from the directory")
    parser.add_argument("--roots", type=Path, required=True, help="roots, from a witness")
    parser.add_argument(
        "--as-of", type=_day, metavar="DAY", help="judge by the roots up to this day (YYYY-MM-DD)"
    )
    return parser


def _day(written: str) -> str:
    if re.fullmatch(r"[0-9]{4}-[0-9]{2}-[0-9]{2}", written) is None:
        raise argparse.ArgumentTypeError("must be YYYY-MM-DD")
    return written


if __name__ == "__main__":
    raise SystemExit(main())
