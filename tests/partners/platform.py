"""A nats-server in the shape of the platform's, with two organisations that have real keys."""

import asyncio
import os
import shutil
import signal
import socket
import subprocess
import sysconfig
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import nats
from nats.aio.client import Client
from nats.js import api
from nats.js.client import JetStreamContext

from contracts.envelope import Envelope, encode_headers
from contracts.event import Message
from contracts.feed import Offer
from contracts.topology import (
    OUT,
    Stream,
    feed_durable,
    inbox_stream,
    ingress_stream,
    out_subject,
)
from deploy.nats_config import import_line
from deploy.nats_permissions import partner_imports
from tests.signing import signed

CODES = ("SHELTER_A", "CLINIC_B")
TRACE = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"
SERVER = Path(sysconfig.get_path("scripts")) / "nats-server"

_CONFIG = """
listen: 127.0.0.1:{port}
server_name: hub
jetstream {{ store_dir: "{store}", sync_interval: always }}
accounts {{
  SYS {{ users: [ {{ user: sys, password: sys }} ] }}
  PLATFORM {{
    jetstream: enabled
    users: [ {{ user: core, password: core }} ]
    exports: [
      {{ service: "in.*.>", account_token_position: 2 }}
      {{ service: "$JS.API.CONSUMER.MSG.NEXT.OUT.*", response_type: stream, account_token_position: 7 }}
      {{ service: "$JS.ACK.OUT.*.>", account_token_position: 4 }}
      {{ service: "$JS.API.CONSUMER.INFO.OUT.*", account_token_position: 6 }}
    ]
  }}
{accounts}
}}
system_account: SYS
"""
_ACCOUNT = """  {code} {{
    users: [ {{ nkey: {nkey} }} ]
    imports: [
      {imports}
    ]
  }}
"""


@dataclass(frozen=True, kw_only=True)
class Stored:
    """A message as a stream holds it."""

    subject: str
    headers: dict[str, str]
    body: bytes


class Platform:
    """Starts, kills and restarts the server; speaks for the services."""

    def __init__(self, root: Path):
        self.root = root
        self.port = _free_port()
        self.url = f"nats://127.0.0.1:{self.port}"
        self._process: subprocess.Popen[bytes] | None = None
        self._numbers: dict[tuple[str, str], int] = {}

    def configure(self, nkeys: dict[str, str], *, tls: str = "") -> None:
        accounts = "".join(
            _ACCOUNT.format(
                code=code,
                nkey=key,
                imports="\n".join(import_line(*one) for one in partner_imports(code)),
            )
            for code, key in nkeys.items()
        )
        config = _CONFIG.format(port=self.port, store=self.root / "store", accounts=accounts)
        (self.root / "nats.conf").write_text(config + tls)

    async def start(self) -> None:
        self._launch()
        for _ in range(200):
            try:
                socket.create_connection(("127.0.0.1", self.port), timeout=1).close()
                return
            except OSError:
                await asyncio.sleep(0.05)
        raise AssertionError((self.root / "server.log").read_text())

    def _launch(self) -> None:
        with (self.root / "server.log").open("ab") as log:
            self._process = subprocess.Popen(
                [SERVER, "-c", self.root / "nats.conf"], stdout=log, stderr=log
            )

    def kill(self, how: signal.Signals = signal.SIGKILL) -> None:
        if self._process is not None:
            self._process.send_signal(how)
            self._process.wait()

    async def lose_everything(self) -> None:
        """Die, and come back with the declared streams and nothing in them."""
        self.kill()
        shutil.rmtree(self.root / "store")
        self._numbers.clear()
        await self.start()
        await self.provision()

    def reload(self) -> None:
        assert self._process is not None
        os.kill(self._process.pid, signal.SIGHUP)

    async def core(self) -> Client:
        return await nats.connect(self.url, user="core", password="core")

    async def provision(self, *, codes: tuple[str, ...] = CODES, ack_wait: float = 1.0) -> None:
        client = await self.core()
        jetstream = client.jetstream()
        for stream in (OUT, *(ingress_stream(code) for code in codes), inbox_stream(codes)):
            await _make(jetstream, stream)
        for code in codes:
            durable = feed_durable(code)
            await jetstream.add_consumer(
                durable.stream,
                durable_name=durable.name,
                filter_subject=durable.filter_subjects[0],
                ack_policy=api.AckPolicy.EXPLICIT,
                ack_wait=ack_wait,
                max_deliver=-1,
            )
        await client.close()

    async def tell(
        self,
        code: str,
        message: Message,
        *,
        number: int | None = None,
        id: UUID | None = None,
        **changed: Any,
    ) -> UUID:
        """Put a message into an organisation's feed, numbered as the relay would."""
        source = changed.pop("source", "/siraba/referral")
        key = (code, source)
        self._numbers[key] = number or self._numbers.get(key, 0) + 1
        envelope = Envelope(
            id=id or uuid4(),
            source=source,
            type=message.ce_type(),
            subject="a3f1",
            feed_sequence=self._numbers[key],
            correlation_id=str(getattr(message, "referral_id", uuid4())),
        )
        headers = encode_headers(envelope, hop=TRACE) | changed.pop("headers", {})
        # A second copy of one id must reach the stream here, as it would after the window.
        headers["Nats-Msg-Id"] = str(uuid4())
        subject = changed.pop("subject", out_subject(code, message.name, message.version))
        body = changed.pop("body", message.encode())
        by = changed.pop("by", None)
        await self.put(subject, body, headers=signed(headers, body, subject=subject, by=by))
        return envelope.id

    async def put(self, subject: str, body: bytes, *, headers: dict[str, str]) -> None:
        client = await self.core()
        await client.jetstream().publish(subject, body, headers=headers, timeout=5)
        await client.close()

    async def requests_of(self, code: str) -> list[Stored]:
        """What the platform has stored from this organisation, oldest first."""
        client = await self.core()
        jetstream = client.jetstream()
        name = ingress_stream(code).name
        state = (await jetstream.stream_info(name)).state
        found = []
        for sequence in range(1, state.last_seq + 1):
            raw = await jetstream.get_msg(name, sequence)
            assert raw.subject is not None
            found.append(
                Stored(subject=raw.subject, headers=dict(raw.headers or {}), body=raw.data or b"")
            )
        await client.close()
        return found

    async def unacknowledged(self, code: str) -> int:
        """Messages of the feed that wait or are out without an acknowledgement."""
        client = await self.core()
        info = await client.jetstream().consumer_info(OUT.name, code)
        await client.close()
        return (info.num_pending or 0) + (info.num_ack_pending or 0)


def offer(**changed: Any) -> Offer:
    """A plausible offer to a shelter."""
    facts = {
        "referral_id": uuid4(),
        "service": "shelter",
        "urgency": "emergency_24h",
        "region": "01",
        "sex": "female",
        "age_band": "12-14",
        "citizenship": ("MLI",),
        "exploitation": ("domestic_work",),
        "ground": "consent",
    }
    return Offer.model_validate(facts | changed)


async def _make(jetstream: JetStreamContext, stream: Stream) -> None:
    facts = asdict(stream)
    await jetstream.add_stream(
        name=stream.name,
        subjects=list(stream.subjects) or None,
        sources=[api.StreamSource(name=source) for source in stream.sources] or None,
        max_msgs=stream.max_msgs,
        max_bytes=stream.max_bytes,
        max_consumers=facts["max_consumers"],
        duplicate_window=stream.duplicate_window.total_seconds(),
        discard=api.DiscardPolicy.NEW,
        storage=api.StorageType.FILE,
    )


def _free_port() -> int:
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        return int(found.getsockname()[1])
