"""The process that sends bad messages: their work must not weigh on whose answers are timed."""

import asyncio
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from time import monotonic

import nats
from nats.aio.client import Client

from chassis.trust import PlatformKeys, SigningKey
from contracts.envelope import SIGNATURE
from contracts.signing import Kind, Signer, signed_payload
from contracts.topology import inbox_prefix
from deploy.keys import seed_file
from deploy.state import State
from partners.kit.keys import load
from tests.trust.poison import UNSTORED, Letter

PATIENCE = 15.0


@dataclass(frozen=True, slots=True)
class Sent:
    """What the broker said to one bad message: the stream and place it took it at, if it did."""

    end: str
    letter: Letter
    stream: str = ""
    sequence: int = 0
    refusal: str = ""

    @property
    def place(self) -> tuple[str, int]:
        return self.stream, self.sequence


@dataclass(frozen=True, slots=True, kw_only=True)
class Credentials:
    """What everybody's connections and signatures are made of. folders: code → where its keys lie."""

    nats_url: str
    state: State
    folders: Mapping[str, Path]

    @property
    def names(self) -> list[str]:
        return ["intake", "referral", *self.folders]

    async def client(self, name: str) -> Client:
        return await nats.connect(
            self.nats_url,
            nkeys_seed_str=self._seed(name),
            inbox_prefix=inbox_prefix(name),
            allow_reconnect=False,
            error_cb=_quiet,
        )

    def signer(self, name: str) -> Signer:
        if name in self.folders:
            return Signer(load(self.folders[name], code=name).signing)
        return SigningKey(PlatformKeys(self.state.secrets), name).signer()

    def signed(self, letter: Letter, *, by: Signer) -> dict[str, str]:
        """Under the sender's own key, or everything would die of its signature.

        No Nats-Msg-Id: the broker's window must not be what saves us.
        """
        left_out = ("Nats-Msg-Id", SIGNATURE)
        headers = {name: value for name, value in letter.headers.items() if name not in left_out}
        is_request = letter.sender in self.folders
        subject = letter.subject
        if is_request:
            subject = subject.replace("in.", f"in.{letter.sender}.", 1)
        payload = signed_payload(headers, letter.body, subject=subject)
        kind: Kind = "request" if is_request else "event"
        return headers | {SIGNATURE: by.sign(payload, kind=kind)}

    def _seed(self, name: str) -> str:
        if name in self.folders:
            return load(self.folders[name], code=name).seed
        return seed_file(self.state, name).read_text().strip()


def send_all(
    hands: Credentials, letters: Sequence[tuple[str, Letter]], between: tuple[float, float]
) -> list[Sent]:
    """Evenly between two moments of the machine's clock. letters: each with how it must end."""
    if not letters:
        return []  # nobody connects for nothing: the quiet windows are to be quiet
    return asyncio.run(_send_all(hands, letters, between))


async def _send_all(
    hands: Credentials, letters: Sequence[tuple[str, Letter]], between: tuple[float, float]
) -> list[Sent]:
    clients = {name: await hands.client(name) for name in hands.names}
    sender = _Sender(hands, clients)
    try:
        signers = {name: hands.signer(name) for name in hands.names}
        signed = [hands.signed(letter, by=signers[letter.sender]) for _, letter in letters]
        began, ends = between
        async with asyncio.TaskGroup() as group:
            sending = []
            for nth, ((end, letter), headers) in enumerate(zip(letters, signed, strict=True)):
                await asyncio.sleep(began + (ends - began) * nth / len(letters) - monotonic())
                sending.append(group.create_task(sender.send(end, letter, headers)))
        return [one.result() for one in sending]
    finally:
        for client in clients.values():
            await client.close()


@dataclass(frozen=True, slots=True)
class _Sender:
    hands: Credentials
    clients: Mapping[str, Client]

    async def send(self, end: str, letter: Letter, headers: dict[str, str]) -> Sent:
        if end == UNSTORED:
            return Sent(end, letter, refusal=await self._insist(letter))
        answer = await self.clients[letter.sender].request(
            letter.subject, letter.body, headers=headers, timeout=PATIENCE
        )
        stored = json.loads(answer.data)
        return Sent(end, letter, stored["stream"], stored["seq"])

    async def _insist(self, letter: Letter) -> str:
        """Past the library's own check; what the broker says before it hangs up."""
        client = await self.hands.client(letter.sender)
        assert client._transport is not None
        head = f"PUB {letter.subject} {len(letter.body)}\r\n".encode()
        client._transport.write(head + letter.body + b"\r\n")
        async with asyncio.timeout(PATIENCE):
            while not client.is_closed:
                await asyncio.sleep(0.01)
        return str(client.last_error).lower()


async def _quiet(_: Exception) -> None:
    """A refusal is what the largest ones are sent for."""
