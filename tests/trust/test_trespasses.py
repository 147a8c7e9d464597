import asyncio
import contextlib
from collections.abc import Awaitable, Callable

import pytest
from nats.aio.client import Client
from nats.errors import Error as NatsError

from deploy.keys import OPERATIONS, PROVISIONER
from tests.servers import NatsServer, partner_jetstream
from tests.trust import trespasses
from tests.trust.trespasses import TRESPASSES, Trespass
from tests.trust.worlds import ATTACKER, PATIENCE, VICTIM, asked, our_world, tutorial_world

Start = Callable[..., NatsServer]


@pytest.mark.parametrize("trespass", TRESPASSES, ids=lambda trespass: trespass.__name__)
async def test_a_partner_never(trespass: Trespass) -> None:
    async with our_world() as world:
        assert not await trespass(world)


@pytest.mark.parametrize(
    "trespass",
    [
        trespasses.pulls_anothers_feed,
        trespasses.reads_a_message_by_its_number,
        trespasses.creates_a_consumer_for_everything,
        trespasses.purges_the_feeds,
        trespasses.acknowledges_for_another,
        trespasses.lets_an_answer_land_in_anothers_name,
        trespasses.overhears_another,
        trespasses.silences_another_with_its_message_id,
    ],
    ids=lambda trespass: trespass.__name__,
)
async def test_where_rights_are_as_wide_as_in_tutorials_a_partner(trespass: Trespass) -> None:
    """The control: an attempt that could not see a trespass would fail everywhere."""
    async with tutorial_world() as world:
        assert await trespass(world)


async def test_a_partner_reads_sends_and_acknowledges_what_is_its_own() -> None:
    """The other control: a server that refuses everything would pass as well."""
    async with our_world() as world:
        feed = await partner_jetstream(world.attacker).pull_subscribe_bind(
            consumer=ATTACKER, stream="OUT"
        )
        (message,) = await feed.fetch(1, timeout=2)
        assert message.data == b"for AA"
        await message.ack_sync(timeout=2)
        assert (await world.consumer(ATTACKER))["ack_floor"]["consumer_seq"] == 1
        answer = await asked(world.attacker, "in.referral.accept.v1", {})
        assert answer is not None
        assert answer["stream"] == f"IN_{ATTACKER}"


async def test_a_revoked_key_is_cut_off_and_nobody_else_notices(nats_server: Start) -> None:
    server = nats_server(ATTACKER, VICTIM)
    async with server.partner(ATTACKER) as revoked, server.partner(VICTIM) as other:
        server.partners = [partner for partner in server.partners if partner.code != ATTACKER]
        server.write_config()
        server.server.reload()
        assert await asked(revoked, "in.referral.accept.v1", {}) is None
        assert await asked(other, "in.referral.accept.v1", {}) is not None
        assert other.stats["reconnects"] == 0


SERVICE_TRESPASSES = [
    ("intake", "$JS.API.CONSUMER.MSG.NEXT.INTAKE.referral-INTAKE"),
    ("intake", "$JS.API.CONSUMER.MSG.NEXT.INBOX.referral-INBOX"),
    ("intake", "$JS.ACK.INTAKE.referral-INTAKE.1.1.1.1.0"),
    ("intake", "siraba.referral.referral.offered.v1.0"),
    ("intake", "in.AA.referral.accept.v1"),
    ("intake", "$JS.API.STREAM.PURGE.INTAKE"),
    ("intake", "$JS.API.STREAM.MSG.DELETE.INTAKE"),
    ("intake", "$JS.API.STREAM.DELETE.OUT"),
    ("intake", "$JS.API.STREAM.UPDATE.INTAKE"),
    ("intake", "$JS.API.CONSUMER.CREATE.INTAKE.spy"),
    ("referral", "siraba.intake.case.registered.v1.0"),
    ("referral", "$JS.API.CONSUMER.MSG.NEXT.OUT.AA"),
    ("referral", "$JS.API.STREAM.MSG.GET.OUT"),
    ("referral", "$JS.API.DIRECT.GET.OUT"),
    ("reporting", "$JS.API.DIRECT.GET.INBOX"),
    ("reporting", "out.AA.referral.offered.v1"),
    ("reporting", "$JS.API.STREAM.MSG.DELETE.OUT"),
    ("reporting", "$JS.API.CONSUMER.MSG.NEXT.INTAKE.referral-INTAKE"),
    (PROVISIONER, "$JS.API.STREAM.MSG.GET.INTAKE"),
    (PROVISIONER, "$JS.API.STREAM.DELETE.INTAKE"),
    (PROVISIONER, "$JS.API.STREAM.PURGE.OUT"),
    (PROVISIONER, "out.AA.referral.offered.v1"),
    (OPERATIONS, "$JS.API.STREAM.MSG.GET.INTAKE"),
    (OPERATIONS, "$JS.API.STREAM.UPDATE.OUT"),
    (OPERATIONS, "siraba.intake.case.registered.v1.0"),
]


async def test_no_user_of_ours_reaches_beyond_its_own_work(nats_server: Start) -> None:
    server = nats_server(ATTACKER)
    through = []
    for user, subject in SERVICE_TRESPASSES:
        async with server.user(user) as client:
            refusals = await _refusals(client, client.publish(subject, b"{}"))
            if not any("permissions violation" in refusal for refusal in refusals):
                through.append((user, subject))
    assert through == []


@pytest.mark.parametrize("subject", [">", "siraba.>", "_INBOX_referral.>", "in.>", "$JS.>"])
async def test_a_service_hears_only_its_own_answers(nats_server: Start, subject: str) -> None:
    async with nats_server(ATTACKER).user("intake") as client:
        refusals = await _refusals(client, client.subscribe(subject))
    assert any("permissions violation" in refusal for refusal in refusals)


async def _refusals(client: Client, act: Awaitable[object]) -> list[str]:
    """What the server complains of while `act` is done."""
    heard: list[str] = []

    async def note(error: Exception) -> None:
        heard.append(str(error).lower())

    client._error_cb = note
    await act
    with contextlib.suppress(NatsError):
        await client.flush(1)
    await asyncio.sleep(PATIENCE / 10)
    return heard
