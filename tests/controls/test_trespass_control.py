import asyncio
from pathlib import Path

import pytest

from contracts.topology import SERVICES
from deploy.embedded.nats import EmbeddedNats
from deploy.embedded.processes import free_port
from deploy.nats_permissions import service_rights
from tests.ledger import Figure, Form
from tests.servers import open_folder
from tests.trust.telling import say
from tests.trust.trespasses import TRESPASSES, Trespass, answering, reading, ruling, writing
from tests.trust.worlds import Intruder, asked, declare, login, tutorial_world

pytestmark = [pytest.mark.connected, pytest.mark.share("road")]
SURE: tuple[Trespass, ...] = (
    reading.pulls_anothers_feed,
    reading.reads_a_message_by_its_number,
    reading.overhears_answers,
    ruling.creates_a_consumer_for_everything,
    ruling.purges_the_feeds,
    ruling.deletes_a_stream,
    writing.acknowledges_for_another,
    writing.silences_another_with_its_message_id,
    answering.lets_an_acknowledgement_land_in_anothers_name,
    answering.lets_a_delivery_land_in_anothers_name,
    answering.lets_an_answer_delete_a_stream,
)


@pytest.mark.timeout(300)
async def test_where_rights_are_as_wide_as_in_tutorials_the_same_attempts_succeed(
    form: Form, figure: Figure
) -> None:
    """The control: an attempt that could not see a trespass would fail everywhere."""
    attempts = form.pick(short=SURE, long=tuple(TRESPASSES))
    succeeded = []
    for trespass in attempts:
        # On a busy machine an effect may come later than an attempt waits for it.
        if await _succeeds(trespass) or await _succeeds(trespass):
            succeeded.append(trespass.__name__)
    say(f"{len(succeeded)} of {len(attempts)}: {', '.join(succeeded)}")
    assert {one.__name__ for one in SURE} <= set(succeeded)
    figure("partners.trespass.control_succeeded", len(succeeded))


async def _succeeds(trespass: Trespass) -> bool:
    async with tutorial_world() as world:
        return await trespass(world)


async def test_in_one_account_the_narrowest_lists_do_not_hold_a_service() -> None:
    """The other half of the wall: lists say where to write, and not where an answer goes."""
    with open_folder() as folder:
        server = _one_account(folder)
        server.start()
        try:
            async with (
                login(server.url, user="core", password="core") as core,
                login(server.url, user="reporting", password="x") as insider,
            ):
                await declare(core.client)
                refused = await asked(insider.client, "$JS.API.STREAM.DELETE.OUT")
                assert refused is None
                await _pulls_nothing(insider, reply="in.AA.referral.accept.v1")
                await insider.says("siraba.reporting.x.y.v1.0", reply="in.AA.referral.accept.v1")
                await _pulls_nothing(insider, reply="$JS.API.STREAM.DELETE.OUT")
                await asyncio.sleep(0.25)
                ingress = await asked(core.client, "$JS.API.STREAM.INFO.IN_AA")
                assert ingress is not None
                assert ingress["state"]["messages"] > 0, "an answer is a request of another's"
                feeds = await asked(core.client, "$JS.API.STREAM.INFO.OUT")
                assert feeds is not None
                assert "error" in feeds, "an answer has deleted all feeds"
        finally:
            server.stop()


async def _pulls_nothing(insider: Intruder, *, reply: str) -> None:
    place = "REFERRAL.reporting-REFERRAL"
    empty = b'{"batch": 1, "no_wait": true}'
    await insider.says(f"$JS.API.CONSUMER.MSG.NEXT.{place}", empty, reply=reply)


def _one_account(folder: Path) -> EmbeddedNats:
    """Our services with exactly their rights, as users of the account that holds the streams."""
    users = ["{ user: core, password: core }"]
    for service in SERVICES:
        rights = service_rights(service, ("AA",))
        publish = ", ".join(f'"{there}"' for there, _ in rights.imports)
        subscribe = ", ".join(f'"{one}"' for one in (*rights.subscribe, "_INBOX.>"))
        lists = f"publish: [{publish}], subscribe: [{subscribe}]"
        users.append(f"{{ user: {service}, password: x, permissions: {{ {lists} }} }}")
    port, monitor = free_port(), free_port()
    config = folder / "nats.conf"
    config.write_text(
        f'listen: "127.0.0.1:{port}"\nhttp: "127.0.0.1:{monitor}"\n'
        f'jetstream {{ store_dir: "{folder / "store"}" }}\n'
        f"authorization {{ users: [\n{chr(10).join(users)}\n] }}\n"
    )
    return EmbeddedNats(config, port=port, monitor_port=monitor, log=folder / "log")
