"""A pytest plugin: each issue's tests have a share of CI time, and a run that overspends one fails."""

from collections import defaultdict
from collections.abc import Mapping

import pytest

from tests.promised import read_promises

DEFAULT = "road"
SHARE_OF = pytest.StashKey[dict[str, str]]()
SPENT = pytest.StashKey[defaultdict[str, float]]()


def pytest_configure(config: pytest.Config) -> None:
    config.stash[SHARE_OF] = {}
    spent: defaultdict[str, float] = defaultdict(float)
    config.stash[SPENT] = spent
    config.pluginmanager.register(Stopwatch(config), "siraba-stopwatch")


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    known = read_promises()
    for item in items:
        mark = item.get_closest_marker("share")
        issue = mark.args[0] if mark else DEFAULT
        if issue not in known:
            raise pytest.UsageError(f"{item.nodeid}: no issue has a share named {issue}")
        config.stash[SHARE_OF][item.nodeid] = issue


class Stopwatch:
    """Adds up what each share spends; set-up and tear-down count for the test that caused them."""

    def __init__(self, config: pytest.Config) -> None:
        self._share_of = config.stash[SHARE_OF]
        self._spent = config.stash[SPENT]

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        self._spent[self._share_of[report.nodeid]] += report.duration


def overspent(spent: Mapping[str, float], minutes: Mapping[str, float]) -> list[str]:
    """Name each share that took more seconds than its minutes allow."""
    return [
        f"the share of {issue} is {minutes[issue]:g} min, its tests took {seconds / 60:.1f} min"
        for issue, seconds in sorted(spent.items())
        if seconds > minutes[issue] * 60
    ]


def _complaints(config: pytest.Config) -> list[str]:
    if config.getoption("--form") == "long":
        return []  # the long forms have their own limit, in tests/figures.py
    minutes = {name: issue.minutes for name, issue in read_promises().items()}
    spent = config.stash[SPENT]
    return overspent(spent, minutes)


def pytest_sessionfinish(session: pytest.Session) -> None:
    if _complaints(session.config) and session.exitstatus == pytest.ExitCode.OK:
        session.exitstatus = pytest.ExitCode.TESTS_FAILED


def pytest_terminal_summary(
    terminalreporter: pytest.TerminalReporter, config: pytest.Config
) -> None:
    for issue, seconds in sorted(config.stash[SPENT].items()):
        terminalreporter.write_line(f"share of {issue}: {seconds:.1f} s")
    for complaint in _complaints(config):
        terminalreporter.write_line(f"FAILED: {complaint}", red=True)
