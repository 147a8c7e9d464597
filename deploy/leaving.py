"""What an organisation that is gone has left on NATS, and clearing it away."""

from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from typing import Final

from nats.aio.client import Client

from contracts.topology import feed_durable, ingress_stream, source_durable
from deploy.embedded.processes import ServerError
from deploy.jetstream import Answer, JetStreamError, asked, connected
from deploy.keys import PROVISIONER, seed_file
from deploy.state import State

#: JetStream's errors for a stream and for a consumer that are not there.
_ABSENT: Final = (10059, 10014)


@dataclass(frozen=True, slots=True, kw_only=True)
class Lies:
    """Messages of its feed that it has not confirmed; requests that are not in the inbox yet."""

    unread: int
    undrawn: int


async def lies_there(state: State, code: str) -> Lies:
    """What would be left behind. Raises ServerError where NATS cannot be asked."""
    feed, source = feed_durable(code), source_durable(ingress_stream(code).name)
    async with _provisioner(state) as client:
        return Lies(
            unread=await _open(client, feed.stream, feed.name),
            undrawn=await _open(client, source.stream, source.name),
        )


async def clear_away(state: State, code: str) -> None:
    """Delete its place in the feed and its ingress stream; may be done again.

    The inbox must draw on that stream no more: see `onboarding.take_up`. Raises ServerError, also
    where an external server does not know yet that the organisation is removed.
    """
    feed, ingress = feed_durable(code), ingress_stream(code).name
    async with _provisioner(state) as client:
        for subject in (f"CONSUMER.DELETE.{feed.stream}.{feed.name}", f"STREAM.DELETE.{ingress}"):
            try:
                await _unless_absent(client, subject)
            except ServerError as error:
                raise ServerError(
                    f"{error}: {code} is removed from the directory and not from NATS; where that is"
                    " external run `siraba provision --emit DIR --reload`, then this again"
                ) from None


def _provisioner(state: State) -> AbstractAsyncContextManager[Client]:
    return connected(str(state.status()["nats_url"]), PROVISIONER, seed_file(state, PROVISIONER))


async def _open(client: Client, stream: str, durable: str) -> int:
    answer = await _unless_absent(client, f"CONSUMER.INFO.{stream}.{durable}")
    return int(answer.get("num_pending", 0)) + int(answer.get("num_ack_pending", 0))


async def _unless_absent(client: Client, subject: str) -> Answer:
    try:
        return await asked(client, subject)
    except JetStreamError as error:
        if error.err_code in _ABSENT:
            return {}
        raise
