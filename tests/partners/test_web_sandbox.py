"""The sandbox's HTTP door stands the tests of the platform's own."""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from uuid import uuid4

import httpx
import pytest
from nats.js.api import RawStreamMsg

from contracts.keyring import encode_base64url, write_private_key
from contracts.requests import ReceiveReferral
from partners.conformance.sandbox import Sandbox, running_sandbox
from partners.conformance.web_door import WebDoor, served
from partners.kit import SYSTEM, Partner, courier, init, waits
from partners.kit.keys import PUBLIC, SIGNING
from tests.referral.doors import OWN, Knocker, first_stored, lay
from tests.referral.test_door import (
    code_of,
    test_a_cursor_that_is_no_place_of_the_feed_confirms_nothing,
    test_a_feed_has_its_own_messages_in_order_and_as_they_lie,
    test_a_feed_is_read_again_from_a_moment_on,
    test_a_poll_waits_until_a_message_comes,
    test_a_request_lies_in_its_senders_stream_as_it_would_by_the_other_door,
    test_only_programs_with_a_good_token_come_in_and_others_are_told_why,
    test_what_comes_before_a_cursor_is_confirmed_once_and_can_be_read_again,
    test_what_is_no_request_is_refused_by_field_and_rule,
)
from tests.signing import private_key, write_platform_keys

__all__ = [
    "test_a_cursor_that_is_no_place_of_the_feed_confirms_nothing",
    "test_a_feed_has_its_own_messages_in_order_and_as_they_lie",
    "test_a_feed_is_read_again_from_a_moment_on",
    "test_a_poll_waits_until_a_message_comes",
    "test_a_request_lies_in_its_senders_stream_as_it_would_by_the_other_door",
    "test_only_programs_with_a_good_token_come_in_and_others_are_told_why",
    "test_what_comes_before_a_cursor_is_confirmed_once_and_can_be_read_again",
    "test_what_is_no_request_is_refused_by_field_and_rule",
]
pytestmark = [pytest.mark.connected, pytest.mark.share("partners")]


@dataclass(slots=True)
class SandboxKnocker(Knocker):
    """At the sandbox's."""

    sandbox: Sandbox
    door: WebDoor

    async def tell(self, code: str, *bodies: str) -> None:
        await lay(self.sandbox.jetstream, code, *bodies)

    async def stored(self) -> RawStreamMsg:
        return await first_stored(self.sandbox.jetstream)

    async def confirmed(self) -> int:
        return await self.door.ended_up_to()


@pytest.fixture
async def door(tmp_path: Path) -> AsyncIterator[SandboxKnocker]:
    nkey = init(tmp_path / "keys", code=OWN).public()["nkey"]
    async with running_sandbox(tmp_path, code=OWN, nkey=nkey, edge=SYSTEM) as sandbox:
        door = WebDoor(sandbox, private_key(OWN).public_key(), SYSTEM)
        async with served(door), httpx.AsyncClient(base_url=door.url, timeout=20) as http:
            yield SandboxKnocker(http=http, sandbox=sandbox, door=door)


async def test_nobody_else_comes_in(door: SandboxKnocker) -> None:
    assert (await door.feed(code="POLICE_A")).status_code == 401


async def test_a_program_ends_though_a_library_has_swallowed_its_cancellation(
    door: SandboxKnocker, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As `asyncio.wait_for` does on Python 3.11; here on every Python."""
    monkeypatch.setattr(courier, "RETRY_SECONDS", 0.05)
    monkeypatch.setattr(waits, "AGAIN_SECONDS", 0.1)
    folder = program_folder(tmp_path / "program")
    in_hand, real = asyncio.Event(), httpx.AsyncClient.post

    async def deaf(*given: Any, **named: Any) -> httpx.Response:
        answer = await real(*given, **named)
        in_hand.set()
        with suppress(asyncio.CancelledError):
            await asyncio.sleep(30)
        return answer

    monkeypatch.setattr(httpx.AsyncClient, "post", deaf)
    async with asyncio.timeout(15):
        async with Partner.open(folder, url=door.door.url) as partner:
            partner._writer.store(ReceiveReferral(referral_id=uuid4()))
            await in_hand.wait()


def program_folder(folder: Path) -> Path:
    """With the key that the sandbox knows."""
    init(folder, code=OWN)
    write_platform_keys(folder)
    (folder / SIGNING).write_bytes(write_private_key(private_key(OWN)))
    document = json.loads((folder / PUBLIC).read_text())
    raw = private_key(OWN).public_key().public_bytes_raw()
    (folder / PUBLIC).write_text(json.dumps(document | {"signing": encode_base64url(raw)}))
    return folder


async def test_a_feed_made_anew_knows_no_cursor_of_before(door: SandboxKnocker) -> None:
    await door.tell(OWN, "one")
    before = (await door.feed()).headers["Siraba-Cursor"]
    await door.door.rewind()

    assert code_of(await door.feed(after=before)) == (410, "cursor_unknown")
    assert len((await door.feed()).json()) == 1
