"""Every endpoint, asked by every role of the owner, of a stranger and of nobody: each gets its own."""

import pytest

from services.reporting.pages import boards
from tests.ledger import Figure
from tests.parts import Site, site
from tests.people.access_matrix import ask_everything
from tests.people.access_rows import read_lines, uncovered
from tests.people.access_world import open_world

__all__ = ["site"]
pytestmark = [pytest.mark.connected, pytest.mark.share("people")]


async def test_nobody_is_shown_what_is_anothers_at_any_endpoint(
    site: Site, figure: Figure, monkeypatch: pytest.MonkeyPatch
) -> None:
    lines = read_lines()
    monkeypatch.setattr(boards, "LOOKS", 1)  # whoever is let in would be told for a while
    async with open_world(site) as world:
        strays = uncovered(world.address.apps, lines)
        found = await ask_everything(world, lines)
        for line in lines:
            if line.door == "inside":
                async with world.address.browser() as browser:
                    answer = await browser.get(f"/{line.service}{line.path}")
                assert answer.status_code == 404, line.name

    assert strays == set()
    assert found.leaks == []
    figure("people.access.uncovered_routes", len(strays))
    figure("people.access.leaks", len(found.leaks))
