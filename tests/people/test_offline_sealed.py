"""What comes sealed from a browser without a line: once, by its owner, within its time."""

import base64
import json
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from secrets import token_bytes
from typing import Any
from uuid import uuid4

import httpx
import pytest
import pytest_asyncio
from joserfc.jwe import encrypt_compact
from joserfc.jwk import ECKey

from services.intake.vault import LeaseKeys, LeaseOver, NotSealed
from services.intake.vault.leases import LIFE
from tests.builders import NOON
from tests.people.address import Address, Browser
from tests.people.shared_address import address, browser, shared_site
from tests.people.test_intake_form import ANSWERS

__all__ = ["address", "browser", "shared_site"]
pytestmark = [pytest.mark.connected, pytest.mark.share("people")]
at_one_address = pytest.mark.asyncio(loop_scope="module")
OFFLINE = "/intake/offline"
HELD = {"alg": "ECDH-ES", "enc": "A256GCM"}


@pytest_asyncio.fixture(loop_scope="module")
async def officer(browser: Browser) -> Browser:
    await browser.arrive("m.keita", organisation="POLICE_A", role="officer")
    browser.client.headers["accept"] = "*/*"
    return browser


def answers(**changes: str) -> list[tuple[str, str]]:
    """What the browser has of the whole form."""
    given = {name: value for step in ANSWERS.values() for name, value in step.items()} | changes
    return [
        (name, one) for name, many in given.items() for one in ([many] if isinstance(many, str) else many)
    ]  # fmt: skip


def sealed(lease: Mapping[str, Any], said: Sequence[tuple[str, str]], **changes: str) -> str:
    """As the page seals."""
    held = {"key": str(uuid4()), "whose": lease["whose"], "answers": said} | changes
    header = {**HELD, "kid": lease["name"]}
    key = ECKey.import_key(lease["key"])
    return encrypt_compact(header, json.dumps(held), key, algorithms=[*HELD.values()])


async def send(browser: Browser, lease: Mapping[str, Any], text: str) -> httpx.Response:
    """As the page sends."""
    return await browser.send(f"{OFFLINE}/cases", session_form=lease["form"], sealed=text)


async def lent(browser: Browser) -> dict[str, Any]:
    """A key to seal to."""
    answer = await browser.send(f"{OFFLINE}/leases")
    assert answer.status_code == 200
    return dict(answer.json())


@at_one_address
async def test_a_sealed_form_is_one_case_however_often_it_comes(officer: Browser) -> None:
    lease, key = await lent(officer), str(uuid4())
    text = sealed(lease, answers(), key=key)
    said = [await send(officer, lease, text) for _ in range(3)]
    other = await send(officer, lease, sealed(lease, answers(sex="male"), key=key))

    assert [one.status_code for one in said] == [202] * 3
    assert len({one.json()["case_number"] for one in said}) == 1
    assert (other.status_code, other.json()["code"]) == (409, "sent_before")


@at_one_address
async def test_what_a_form_lacks_is_named_and_can_be_taken_up_with_a_line(officer: Browser) -> None:
    lease = await lent(officer)
    text = sealed(lease, answers(region="", detection_channel="nowhere"))
    refused = await send(officer, lease, text)

    assert refused.status_code == 422
    assert refused.headers["content-type"] == "application/problem+json"
    assert {(one["field"], one["rule"]) for one in refused.json()["errors"]} == {
        ("region", "needed"), ("detection_channel", "code"),
    }  # fmt: skip
    assert "nowhere" not in refused.text
    again = await officer.send(f"{OFFLINE}/again", session_form=lease["form"], sealed=text)
    assert 'name="full_name" value="Hawa &lt;b&gt;Konaté&lt;/b&gt;"' in again.text


@at_one_address
async def test_a_form_opens_to_whoever_sealed_it_alone(address: Address, officer: Browser) -> None:
    text = sealed(await lent(officer), answers())
    async with address.browser() as finder:
        await finder.arrive("b.traore", organisation="POLICE_A", role="officer")
        finder.client.headers["accept"] = "*/*"
        own = await lent(finder)
        sent = await send(finder, own, text)
        shown = await finder.send(f"{OFFLINE}/again", session_form=own["form"], sealed=text)
        nothing = await send(finder, own, "e30....")

    assert sent.status_code == shown.status_code == 422
    assert sent.content == nothing.content
    assert "Konat" not in shown.text


@at_one_address
async def test_who_signed_in_long_ago_is_asked_again_and_can_be(officer: Browser) -> None:
    """The session runs on elsewhere, so that the page for signing in would lead straight home."""
    lease = await lent(officer)
    site = officer.address.site
    await site.run("update referral.sessions set signed_in_at = now() - interval '31 minutes'")
    assert (await officer.send(f"{OFFLINE}/leases")).status_code == 401
    assert (await send(officer, lease, sealed(lease, answers()))).status_code == 401
    assert (await officer.get("/login")).url.path == "/referral/"
    assert (await officer.get("/login", again="1")).url.path == "/login"
    assert (await officer.log_in("m.keita", code=officer.code(1))).status_code == 200
    assert (await officer.send(f"{OFFLINE}/leases")).status_code == 200


@at_one_address
async def test_after_72_hours_nobody_can_read_it(officer: Browser) -> None:
    site = officer.address.site
    lease = await lent(officer)
    text = sealed(lease, answers())
    keys = LeaseKeys(site.folder / "leases", token_bytes)
    assert b"Konat" in keys.open_lease(text, at=datetime.now(UTC))
    assert keys.renew(datetime.now(UTC) + LIFE) == 1

    assert list((site.folder / "leases").iterdir()) == []
    gone = await send(officer, lease, text)
    assert (gone.status_code, gone.json()["code"]) == (410, "lease_over")


def lease_of(keys: LeaseKeys, at: datetime) -> dict[str, Any]:
    found = keys.lease(at)
    return {"name": found.name, "key": found.key, "whose": "w", "ends_at": found.ends_at}


def test_a_lease_ends_within_72_hours_and_its_key_with_it(tmp_path: Path) -> None:
    keys = LeaseKeys(tmp_path / "leases", token_bytes)
    lease = lease_of(keys, NOON)
    text = sealed(lease, answers())
    end = lease["ends_at"]

    assert NOON + LIFE - timedelta(hours=6) < end <= NOON + LIFE
    assert lease_of(keys, NOON) == lease
    assert lease_of(keys, NOON + timedelta(hours=6)) != lease
    keys.open_lease(text, at=end - timedelta(seconds=1))
    # Past its life it is not used, even before the look that destroys it.
    with pytest.raises(LeaseOver):
        keys.open_lease(text, at=end)
    assert keys.renew(end) == 1
    with pytest.raises(LeaseOver):
        keys.open_lease(text, at=NOON)


def test_what_was_changed_or_never_sealed_is_refused(tmp_path: Path) -> None:
    keys = LeaseKeys(tmp_path / "leases", token_bytes)
    text = sealed(lease_of(keys, NOON), answers())
    head, _, nonce, body, tag = text.split(".")
    other = tag[::-1] if tag[::-1] != tag else "A" * len(tag)

    spoilt = [
        "",
        "....",
        f"W10.{text}",
        f"{head}x..{nonce}.{body}.{tag}",
        f"{head}.{nonce}.{body}.{tag}",
    ]
    for wrong in [*spoilt, f"{head}..{nonce}.{body}.{other}", f"{head}.AAAA.{nonce}.{body}.{tag}"]:
        with pytest.raises(NotSealed):
            keys.open_lease(wrong, at=NOON)


@pytest.mark.parametrize("name", ["../../etc/passwd", "2026-13-45T99", 7, None, ["a"]])
def test_a_name_of_a_key_leads_nowhere_else(tmp_path: Path, name: Any) -> None:
    keys = LeaseKeys(tmp_path / "leases", token_bytes)
    lease = lease_of(keys, NOON)
    header = {**HELD, "kid": name}
    text = sealed(lease, answers())
    forged = base64.urlsafe_b64encode(json.dumps(header).encode()).decode().rstrip("=")
    with pytest.raises(NotSealed):
        keys.open_lease(forged + text[text.index(".") :], at=NOON)
