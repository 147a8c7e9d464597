"""Without the comparison a swapped key is approved, without the rights anybody approves, and a key that lies about is found."""

from pathlib import Path

import pytest

from services.referral.use_cases import approving
from tests.people.address import Address, Browser, words
from tests.people.handed import bring_back, countersigned, hand_in, new_keys
from tests.people.shared_address import shared_site
from tests.people.test_handing_in import (
    address,
    keeper,
    nothing_left,
    police,
    state_of,
    swapped,
    tables_with,
)

__all__ = ["address", "keeper", "nothing_left", "police", "shared_site"]
pytestmark = [
    pytest.mark.connected, pytest.mark.share("people"), pytest.mark.asyncio(loop_scope="module"),
]  # fmt: skip


async def test_without_the_comparison_a_thiefs_key_is_approved(
    address: Address,
    police: Browser,
    keeper: Browser,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(approving, "_require_same", lambda *_: None)
    await hand_in(police, new_keys(tmp_path / "new").read_bytes())
    content = (await swapped(keeper, tmp_path))["d’autres clés"]
    assert "approuvées" in words(await bring_back(keeper, content))
    assert await state_of(address) == [("approved", 2)]


async def test_without_the_question_who_handed_them_in_one_person_does_both(
    keeper: Browser, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(approving, "_handed_in_by", lambda *_: False)
    await hand_in(keeper, new_keys(tmp_path / "new", "COMITE").read_bytes())
    signed = await countersigned(keeper, tmp_path, "COMITE")
    assert "approuvées" in words(await bring_back(keeper, signed.read_bytes(), "COMITE"))


async def test_without_the_rights_of_the_committee_anybody_approves(
    address: Address,
    police: Browser,
    keeper: Browser,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    async def anybody(*_: object) -> bool:
        return True

    await hand_in(keeper, new_keys(tmp_path / "new", "COMITE").read_bytes())
    signed = await countersigned(keeper, tmp_path, "COMITE")
    for name in ("use_cases.approving", "pages.approving"):
        monkeypatch.setattr(f"services.referral.{name}.may_keep", anybody)
    # Row-level security still hides another's keys from a page that is asked by the wrong people.
    assert (await police.get("/referral/keys/waiting/COMITE")).status_code == 404
    await address.site.run("alter table referral.handed_keys no force row level security")
    await address.site.run(
        "create policy everybody on referral.handed_keys for select using (true)"
    )
    try:
        assert "approuvées" in words(await bring_back(police, signed.read_bytes(), "COMITE"))
    finally:
        await address.site.run("drop policy everybody on referral.handed_keys")
        await address.site.run("alter table referral.handed_keys force row level security")


async def test_a_private_key_that_was_kept_is_found(address: Address) -> None:
    await address.site.run(
        "insert into referral.forms (organisation, key, digest) values ('POLICE_A', 'SUSECRETSEED', '')"
    )
    assert await tables_with(address, ["SECRETSEED"]) == ["forms"]
