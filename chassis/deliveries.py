"""Keeps what a partner wrote into its headers apart from what the server itself says."""

from nats.aio.client import Client

_PLAIN = b"NATS/1.0"
_SERVERS_OWN = (b"status", b"description")


def guard_deliveries(client: Client) -> None:
    """Make harmless what a message in a stream says to the client library itself.

    nats-py reads `Status` as the server's word, whoever wrote it: one request with such a header
    would end the fetch it comes in, be dropped unseen, and come again for as long as INBOX keeps it.
    """
    process = client._process_msg

    async def guarded(  # house: the client calls it so
        sid: int, subject: bytes, reply: bytes, data: bytes, headers: bytes
    ) -> None:
        if reply.startswith(b"$JS.ACK."):
            headers = headers and plain(headers)
            # A subject that is no text would end nats-py's reading of the connection.
            subject = subject.decode(errors="replace").encode()
        await process(sid, subject, reply, data, headers)

    client._process_msg = guarded  # type: ignore[method-assign]  # nats-py offers no hook there


def plain(headers: bytes) -> bytes:
    """A header block without an inline status and without the headers that stand for one."""
    _, *lines = headers.split(b"\r\n")
    kept = [ln for ln in lines if ln.partition(b":")[0].strip().lower() not in _SERVERS_OWN]
    return b"\r\n".join([_PLAIN, *kept])
