"""The line to NATS: where it is said to be encrypted it is, or there is none."""

import ipaddress
import ssl
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

from faststream.nats import NatsBroker
from nats.aio.client import Client


class NoEncryptionError(ConnectionError):
    """The server would talk in the clear where that is not allowed."""


class CarefulClient(Client):
    """nats-py connects in the clear, even for `tls://`, when the server does not ask for TLS.

    Whoever strips the encryption would get a signature to sign in with somewhere else.
    """

    needs_tls = False

    def _connect_command(self) -> bytes:
        if self.needs_tls and not self._server_info.get("tls_required"):
            raise NoEncryptionError
        return super()._connect_command()


class CarefulBroker(NatsBroker):
    """FastStream's, on such a client, at each connection anew."""

    needs_tls = False

    async def _connect(self) -> Client:
        client = careful_client(is_encrypted=self.needs_tls)
        try:
            await client.connect(**self._connection_kwargs)
        except BaseException:
            abandon(client)
            raise
        self.config.connect(client)
        return client


def careful_client(*, is_encrypted: bool) -> Client:
    """A client that is not connected yet; `is_encrypted` when it must not be in the clear."""
    client = CarefulClient()
    client.needs_tls = is_encrypted
    return client


def abandon(client: Client) -> None:
    """Let go of a connection that was not made; nats-py's own `close` may wait for ever on one."""
    if client._transport is not None:
        client._transport.close()  # type: ignore[no-untyped-call]  # nats-py gives it no types


@dataclass(frozen=True, slots=True)
class Server:
    """Where NATS is. url: one address, or several with commas between; ca_file: who vouches for it.

    Raises ValueError for an address beyond this machine where nothing says that it is encrypted.
    """

    url: str
    ca_file: Path | None = None

    def __post_init__(self) -> None:
        if not self._is_encrypted and not all(is_loopback(one) for one in self._addresses):
            raise ValueError("nats_url: beyond loopback must be tls://, or nats_ca_file be given")

    @property
    def tls(self) -> ssl.SSLContext | None:
        """Whom an encrypted line believes; None where it may be in the clear. Raises OSError."""
        if not self._is_encrypted:
            return None
        return ssl.create_default_context(cafile=str(self.ca_file) if self.ca_file else None)

    @property
    def _addresses(self) -> list[str]:
        return [one.strip() for one in self.url.split(",")]

    @property
    def _is_encrypted(self) -> bool:
        said = any(one.startswith("tls:") for one in self._addresses)
        return said or self.ca_file is not None


def is_loopback(address: str) -> bool:
    """Whether `scheme://host:port`, `host:port` or a bare host is this machine; a name is not."""
    url = urlsplit(address if "://" in address else f"//{address}")
    # Without brackets the colons of a bare address would part host and port.
    return any(_is_here(host) for host in (address, url.hostname or ""))


def _is_here(host: str) -> bool:
    try:
        return host == "localhost" or ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False
