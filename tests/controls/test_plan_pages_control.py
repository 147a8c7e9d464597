"""Without the memory of forms a double tap is told it did nothing, without the owner's name a shelter reads the plan."""

import asyncio
from dataclasses import replace
from typing import Any

import pytest

from services.referral.store import forms, groups
from tests.people.address import Address, Browser
from tests.people.shared_address import shared_site
from tests.people.test_plan_pages import (
    a_person,
    address,
    found_together,
    lines,
    owner,
    planned,
    shelter,
)

__all__ = ["address", "owner", "shared_site", "shelter"]
pytestmark = [
    pytest.mark.connected, pytest.mark.share("lifecycle"), pytest.mark.asyncio(loop_scope="module"),
]  # fmt: skip


async def test_without_the_memory_of_forms_the_second_tap_is_told_that_the_plan_is_gone(
    owner: Browser, address: Address, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def never(*_: Any, **__: Any) -> None:
        return None

    for name in ("claim", "taken"):
        monkeypatch.setattr(forms, name, never)
    at = await found_together(address, a_person())
    page = await planned(owner, at)
    both = await asyncio.gather(*(owner.press(page, f"{at}/sending") for _ in range(2)))
    assert sorted(one.status_code for one in both) == [200, 409]


async def test_without_the_owners_name_a_stranger_reads_where_each_would_go(
    owner: Browser, shelter: Browser, address: Address, monkeypatch: pytest.MonkeyPatch
) -> None:
    at = await found_together(address, a_person())
    ((field, _),) = lines(await planned(owner, at))
    kept = groups.one

    async def anybodys(connection: Any, incident_id: Any) -> Any:
        found = await kept(connection, incident_id)
        return found and replace(found, owner="SHELTER_B")

    monkeypatch.setattr(groups, "one", anybodys)
    shown = await shelter.get(at)
    assert (shown.status_code, field in shown.text) == (200, True)
