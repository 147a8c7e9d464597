"""What a program with the key of one of our own services may never do."""

import asyncio
from collections.abc import Iterator
from contextlib import AsyncExitStack
from dataclasses import dataclass
from uuid import uuid4

from contracts.topology import API_PREFIX, SERVICES, inbox_prefix, readings_of
from deploy.keys import OPERATIONS, seed_file
from deploy.nats_permissions import service_rights
from tests.journeys.road import Road
from tests.trust.worlds import PATIENCE, Intruder, asked, login

_DURABLES = (
    "INTAKE.referral-INTAKE",
    "INTAKE.reporting-INTAKE",
    "REFERRAL.intake-REFERRAL",
    "REFERRAL.reporting-REFERRAL",
    "INBOX.referral-INBOX",
    "INBOX.intake-INBOX",
    "REPORTING.reporting-REPORTING",
    "INBOX.reporting-INBOX",
)
#: What the server would do without a word more than the subject.
CALLS = (
    "$JS.API.STREAM.DELETE.OUT",
    "$JS.API.STREAM.DELETE.INTAKE",
    "$JS.API.STREAM.PURGE.OUT",
    "$JS.API.CONSUMER.DELETE.INTAKE.referral-INTAKE",
    f"{API_PREFIX}.STREAM.DELETE.OUT",
)
_STREAMS = ("INTAKE", "REFERRAL", "REPORTING", "OUT", "INBOX")


@dataclass(frozen=True, slots=True, kw_only=True)
class Insider:
    """A connection as one of our services, an observer, and an organisation to wrong."""

    service: str
    intruder: Intruder
    observer: Intruder
    victim: str

    async def count(self, subject: str) -> int:
        """How many messages lie under this subject, in whichever stream that is."""
        head, second, *_ = subject.split(".")
        stream = {"siraba": second.upper(), "in": f"IN_{second}", "out": "OUT"}[head]
        question = {"subjects_filter": subject}
        place = f"{API_PREFIX}.STREAM.INFO.{stream}"
        answer = await asked(self.observer.client, place, question) or {}
        return sum((answer.get("state", {}).get("subjects") or {}).values())

    async def streams(self) -> set[str]:
        """All that there are."""
        answer = await asked(self.observer.client, f"{API_PREFIX}.STREAM.NAMES")
        return set((answer or {}).get("streams") or ())


def forbidden_to(service: str, victim: str) -> list[str]:
    """Subjects that are somebody's right, or nobody's, and not this service's."""
    rights = service_rights(service, (victim,)).publish
    return [
        subject
        for api in ("$JS.API", API_PREFIX)
        for subject in _all_subjects(api, victim)
        if not any(_covers(right, subject) for right in rights)
    ]


def _all_subjects(api: str, victim: str) -> Iterator[str]:
    for service in SERVICES:
        yield f"siraba.{service}.trespass.n{uuid4().hex}.v1.0"
    yield f"out.{victim}.trespass.n{uuid4().hex}.v1"
    yield f"in.{victim}.trespass.n{uuid4().hex}.v1"
    for durable in (*_DURABLES, f"OUT.{victim}"):
        yield f"{api}.CONSUMER.MSG.NEXT.{durable}"
        yield f"{api}.CONSUMER.DELETE.{durable}"
        yield f"{api}.CONSUMER.PAUSE.{durable}"
        yield f"$JS.ACK.{durable}.1.1.1.1.0"
    for stream in _STREAMS:
        for verb in ("DELETE", "PURGE", "UPDATE", "SNAPSHOT", "RESTORE", "MSG.GET", "MSG.DELETE"):
            yield f"{api}.STREAM.{verb}.{stream}"
        yield f"{api}.DIRECT.GET.{stream}"
        yield f"{api}.CONSUMER.CREATE.{stream}.spy"
    yield f"{api}.STREAM.CREATE.MINE"
    yield f"{api}.STREAM.NAMES"
    yield "$SYS.REQ.SERVER.PING.CONNZ"


def _covers(right: str, subject: str) -> bool:
    wanted, given = right.split("."), subject.split(".")
    if wanted[-1] == ">":
        return wanted[:-1] == given[: len(wanted) - 1] and len(given) >= len(wanted)
    pairs = zip(wanted, given, strict=False)
    return len(wanted) == len(given) and all(w in ("*", g) for w, g in pairs)


async def says(insider: Insider, subject: str) -> bool:
    """Whether the server took it; of a stream's subject, whether anything was stored."""
    refused = len(insider.intruder.refusals)
    await insider.intruder.says(subject)
    if subject.startswith(("siraba.", "in.", "out.")) and await insider.count(subject):
        return True
    return not await _is_refused(insider, refused)


async def hears(insider: Insider, subject: str) -> bool:
    """Whether it may subscribe."""
    refused = len(insider.intruder.refusals)
    await insider.intruder.hears(subject)
    return not await _is_refused(insider, refused)


async def _is_refused(insider: Insider, before: int) -> bool:
    """The server has said so by now; the client hands it on a moment later."""
    for _ in range(50):
        if len(insider.intruder.refusals) > before:
            return True
        await asyncio.sleep(0.005)
    return False


def unheard_by(service: str) -> list[str]:
    """Subjects that others listen to."""
    others = [inbox_prefix(name) for name in (*SERVICES, OPERATIONS) if name != service]
    pokes = [f"poke.{name}" for name in SERVICES if name != service]
    return [">", "siraba.>", "in.>", "out.>", "$JS.>", *pokes, *(f"{one}.>" for one in others)]


def targets(insider: Insider) -> list[str]:
    """Where an answer to this service must not land."""
    other = next(name for name in SERVICES if name != insider.service)
    name = f"trespass.n{uuid4().hex}.v1"
    return [
        f"siraba.{other}.{name}.0",
        f"in.{insider.victim}.{name}",
        *([] if insider.service in ("intake", "referral") else [f"out.{insider.victim}.{name}"]),
    ]


async def lets_an_answer_land(insider: Insider, target: str) -> bool:
    """By the acknowledgement of its own fact, and by what a pull brings."""
    await _provoke(insider, reply=target)
    return await insider.count(target) > 0


async def lets_an_answer_rule(insider: Insider, call: str) -> bool:
    """The same, to the server's own API: an empty answer deletes what is named."""
    feed = f"out.{insider.victim}.>"
    streams, messages = await insider.streams(), await insider.count(feed)
    await _provoke(insider, reply=call)
    return await insider.streams() != streams or await insider.count(feed) < messages


async def _provoke(insider: Insider, *, reply: str) -> None:
    service = insider.service
    await insider.intruder.says(f"siraba.{service}.trespass.provoked.v1.0", reply=reply)
    empty = b'{"batch": 1, "no_wait": true}'
    for reading in readings_of(service):
        place = f"{reading.stream}.{reading.durable.name}"
        await insider.intruder.says(f"{API_PREFIX}.CONSUMER.MSG.NEXT.{place}", empty, reply=reply)
    await asyncio.sleep(PATIENCE)


async def as_service(stack: AsyncExitStack, road: Road, service: str, *, victim: str) -> Insider:
    """With the service's real key, while the service itself runs."""
    url, state = road.platform.nats_url, road.platform.state

    async def of(user: str) -> Intruder:
        seed = seed_file(state, user).read_text("ascii").strip()
        prefix = inbox_prefix(user)
        return await stack.enter_async_context(login(url, nkeys_seed_str=seed, inbox_prefix=prefix))

    return Insider(
        service=service, intruder=await of(service), observer=await of(OPERATIONS), victim=victim
    )
