"""What the tests of consumers share: events of intake in their stream, and one who takes them."""

from collections.abc import Mapping

from nats.aio.msg import Msg
from nats.js import JetStreamContext

from chassis.assembly import Parts
from chassis.inbox import Consumer, Handler, Raw
from contracts.reading import read_event
from tests.builders import a_case, event_headers, event_subject
from tests.parts import fetched, take_effect, until
from tests.signing import signed

NAME, STREAM = "referral-INTAKE", "INTAKE"


def a_consumer(parts: Parts, handle: Handler = take_effect, *, pause: float = 0.05) -> Consumer:
    """referral's consumer of INTAKE with another handler; pause: until a failed message comes."""
    return Consumer(
        name=NAME,
        stream=STREAM,
        parts=parts,
        trust=parts.trust,
        check=read_event,
        handle=handle,
        ordered=True,
        pause=lambda _: pause,
    )


async def publish(
    jetstream: JetStreamContext,
    case_id: str,
    number: int,
    *,
    body: bytes | None = None,
    owner: str = "POLICE_A",
    by: str | None = None,
    hop: Mapping[str, str] | None = None,
) -> int:
    """Store one event of a case, signed by intake or by another; its place in the stream."""
    event = a_case(owner=owner)
    subject, body = event_subject(event, case_id), body or event.encode()
    headers = event_headers(event, case_id=case_id, number=number) | dict(hop or {})
    headers = signed(headers, body, subject=subject, by=by)
    acked = await jetstream.publish(subject, body, headers=headers)
    return int(acked.seq)


async def deliver(parts: Parts, consumer: Consumer, wanted: int) -> list[Msg]:
    """Let the consumer take its next messages as one batch."""
    messages = await fetched(parts, consumer.stream, consumer.name, wanted=wanted)
    await consumer.take(messages)
    await consumer.bury_gathered()
    return messages


async def originals(parts: Parts, *sequences: int) -> list[Raw]:
    """Messages read again from the stream."""
    stored = [(await parts.wire.read_again(STREAM, sequence)) for sequence in sequences]
    return [Raw.stored(STREAM, one) for one in stored if one is not None]


async def unsettled(parts: Parts) -> int:
    """How many messages the durable still owes us an answer for, or us to it."""
    info = await parts.wire.jetstream.consumer_info(STREAM, NAME)
    return (info.num_pending or 0) + (info.num_ack_pending or 0)


async def settled(parts: Parts, *, but: int = 0) -> None:
    """Wait until every message has its answer, but for so many."""

    async def holds() -> bool:
        return await unsettled(parts) == but

    await until(holds)
