import asyncio
import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from nats.aio.client import Client

from contracts.topology import READINGS, SERVICES, SOURCE_WINDOW, all_streams
from deploy.drift import consumer_config, consumer_subject, stream_config
from deploy.jetstream import asked, live_consumers, live_streams
from deploy.keys import OPERATIONS, OWN_USERS, PROVISIONER, own_public_keys
from deploy.nats_config import Accounts
from deploy.provision import emit, find_drift
from tests.servers import NatsServer

Start = Callable[..., NatsServer]


async def test_provisioning_twice_changes_nothing(nats_server: Start) -> None:
    server = nats_server("AA", "BB", provisioned=False)
    first = await server.provision()
    assert first.found
    assert first.clean
    second = await server.provision()
    assert second.found == ()
    assert second.clean


async def test_every_stream_refuses_rather_than_drops(nats_server: Start) -> None:
    server = nats_server("AA", "BB")
    async with server.user(OPERATIONS) as client:
        live = await live_streams(client)
    assert set(live) == {*map(str.upper, SERVICES), "OUT", "IN_AA", "IN_BB", "INBOX"}
    assert {config["discard"] for config in live.values()} == {"new"}
    assert {config["storage"] for config in live.values()} == {"file"}


async def test_a_drift_is_named_by_field_and_repaired(nats_server: Start) -> None:
    server = nats_server("AA")
    async with server.user(PROVISIONER) as client:
        live = (await live_streams(client))["OUT"]
        await asked(client, "STREAM.UPDATE.OUT", {**live, "discard": "old", "max_age": 10**13})
    seen = await server.provision(check=True)
    assert {(d.asset, d.field, d.live) for d in seen.found} == {
        ("stream OUT", "discard", "old"),
        ("stream OUT", "max_age", 10**13),
    }
    assert not seen.clean
    assert (await server.provision()).clean
    assert (await server.provision(check=True)).found == ()


async def test_a_power_given_to_headers_is_a_drift(nats_server: Start) -> None:
    server = nats_server("AA")
    async with server.user(PROVISIONER) as client:
        live = (await live_streams(client))["IN_AA"]
        await asked(client, "STREAM.UPDATE.IN_AA", {**live, "allow_rollup_hdrs": True})
    seen = await server.provision(check=True)
    assert [(d.asset, d.field) for d in seen.found] == [("stream IN_AA", "allow_rollup_hdrs")]


async def test_what_cannot_change_is_reported_and_left(nats_server: Start) -> None:
    server = nats_server("AA", provisioned=False)
    async with server.user(PROVISIONER) as client:
        wrong = {"name": "OUT", "subjects": ["out.>"], "storage": "memory", "max_consumers": 7}
        await asked(client, "STREAM.CREATE.OUT", wrong)
    outcome = await server.provision()
    assert not outcome.clean
    stuck = {d.field for d in outcome.found if d.asset == "stream OUT" and not d.fixable}
    assert stuck == {"storage", "max_consumers"}


async def test_a_consumer_that_drifted_is_repaired(nats_server: Start) -> None:
    server = nats_server("AA")
    async with server.user(PROVISIONER) as client:
        config = {"durable_name": "AA", "name": "AA", "ack_policy": "explicit", "ack_wait": 10**9}
        body = {"stream_name": "OUT", "config": {**config, "filter_subject": "out.>"}}
        await asked(client, "CONSUMER.CREATE.OUT.AA.out.>", body)
    seen = await server.provision(check=True)
    assert {d.field for d in seen.found} >= {"ack_wait", "filter_subject"}
    assert (await server.provision()).clean


async def test_a_durable_of_one_subject_hears_several_after_the_next_provisioning(
    nats_server: Start,
) -> None:
    server = nats_server("AA")
    (wanted,) = (one.durable for one in READINGS if len(one.filter_subjects) > 1)
    former = replace(wanted, filter_subjects=wanted.filter_subjects[:1])
    body = {"stream_name": former.stream, "config": consumer_config(former)}
    async with server.user(PROVISIONER) as client:
        await asked(client, consumer_subject(former), body)
        seen = await server.provision(check=True)
        assert {(d.asset, d.field) for d in seen.found} == {
            (f"consumer INBOX/{wanted.name}", field)
            for field in ("filter_subject", "filter_subjects")
        }
        assert (await server.provision()).clean
        live = (await live_consumers(client, "INBOX"))[wanted.name]
    assert set(live["filter_subjects"]) == set(wanted.filter_subjects)
    assert not live.get("filter_subject")
    assert (await server.provision(check=True)).found == ()


async def test_a_new_organisation_joins_without_disturbing_the_others(nats_server: Start) -> None:
    server = nats_server("AA")
    async with server.partner("AA") as early:
        server.add_partner("BB")
        server.server.reload()
        outcome = await server.provision()
        assert outcome.clean
        async with server.partner("BB") as late:
            await late.request("in.referral.accept.v1", b"{}", timeout=2)
        await early.request("in.referral.accept.v1", b"{}", timeout=2)
        assert early.stats["reconnects"] == 0


async def test_facts_cannot_be_deleted_even_by_an_update(nats_server: Start) -> None:
    server = nats_server("AA")
    async with server.user(PROVISIONER) as client:
        live = (await live_streams(client))["INTAKE"]
        for field in ("deny_delete", "deny_purge"):
            answer = await client.request(
                "$JS.API.STREAM.UPDATE.INTAKE", _json({**live, field: False}), timeout=2
            )
            assert b'"error"' in answer.data


def test_include_files_for_an_external_server_hold_accounts_and_sync(
    nats_server: Start, tmp_path: Path
) -> None:
    server = nats_server("AA", provisioned=False)
    accounts = Accounts(own_public_keys(server.state), server.partners)
    texts = [path.read_text() for path in emit(tmp_path / "out", accounts)]
    assert any("accounts {" in text and "AA {" in text for text in texts)
    assert any("sync_interval: always" in text for text in texts)
    seeds = [server.seed_file(user).read_text() for user in OWN_USERS]
    assert not any("store_dir" in text or seed in text for text in texts for seed in seeds)


@pytest.mark.parametrize("field", ["allow_rollup_hdrs", "allow_msg_ttl", "mirror"])
def test_no_declared_stream_asks_for_what_is_forbidden(field: str) -> None:
    assert all(field not in stream_config(stream) for stream in all_streams(["AA"]))


def _json(document: object) -> bytes:
    return json.dumps(document).encode()


async def test_the_inbox_draws_on_each_organisation_a_little_at_a_time(nats_server: Start) -> None:
    server = nats_server("AA", "BB")
    async with server.user(OPERATIONS) as client:
        inbox = (await live_streams(client))["INBOX"]
        durable = (await live_consumers(client, "IN_AA"))["inbox"]
    assert {one["name"]: one["consumer"]["name"] for one in inbox["sources"]} == {
        "IN_AA": "inbox",
        "IN_BB": "inbox",
    }
    assert (durable["ack_policy"], durable["max_ack_pending"]) == ("flow_control", SOURCE_WINDOW)


async def test_an_inbox_that_draws_on_all_at_once_is_repaired_and_misses_nothing(
    nats_server: Start,
) -> None:
    server = nats_server("AA", "BB")
    async with server.user(PROVISIONER) as client, server.partner("AA") as partner:
        live = (await live_streams(client))["INBOX"]
        plain = [{"name": name} for name in ("IN_AA", "IN_BB")]
        await asked(client, "STREAM.UPDATE.INBOX", {**live, "sources": plain})
        for _ in range(5):
            await partner.request("in.referral.accept.v1", b"{}", timeout=2)
        await _holds(client, "INBOX", 5)

        assert (await server.provision()).clean
        assert (await server.provision(check=True)).found == ()
        await partner.request("in.referral.accept.v1", b"{}", timeout=2)
        # To the server it is another source: it draws once more on what lies there, and whoever
        # reads the inbox knows those ids.
        await _holds(client, "INBOX", 5 + 6)


async def test_who_only_looks_finds_a_source_that_is_gone(nats_server: Start) -> None:
    server = nats_server("AA", "BB")
    async with server.user(PROVISIONER) as client:
        await asked(client, "CONSUMER.DELETE.IN_AA.inbox")
        missing = await find_drift(client, server.codes, thorough=False)
        assert [difference.asset for difference in missing] == ["consumer IN_AA/inbox"]
        assert (await server.provision()).clean
        assert await find_drift(client, server.codes, thorough=False) == []


async def _holds(client: Client, stream: str, messages: int) -> None:
    async with asyncio.timeout(10):
        while (await asked(client, f"STREAM.INFO.{stream}"))["state"]["messages"] != messages:
            await asyncio.sleep(0.05)
