from collections.abc import Callable

from deploy.checks import Check, check_postgres
from deploy.doctor import account_checks, check_nats, rights_check, server_checks
from deploy.jetstream import asked, live_streams
from deploy.keys import PROVISIONER
from deploy.nats_permissions import Rights
from tests.servers import Database, NatsServer, PostgresServer

Start = Callable[..., NatsServer]

HEALTHY = {
    "version": "2.15.1",
    "host": "127.0.0.1",
    "auth_required": True,
    "max_payload": 1_048_576,
    "http_host": "127.0.0.1",
    "http_port": 8222,
    "jetstream": {"config": {"sync_always": True}},
}

RIGHTFUL = {"AA": {"in.AA.>"}, "PLATFORM": set[str]()}


def problems(checks: list[Check]) -> list[str]:
    return [check.name for check in checks if not check.holds]


async def examined(server: NatsServer) -> list[str]:
    return problems(await check_nats(server.url, server.state, server.partners))


async def test_the_generated_platform_is_healthy(nats_server: Start) -> None:
    assert await examined(nats_server("AA", "BB")) == []


async def test_a_stream_that_drops_the_oldest_is_a_problem(nats_server: Start) -> None:
    server = nats_server("AA")
    async with server.user(PROVISIONER) as client:
        live = (await live_streams(client))["IN_AA"]
        await asked(client, "STREAM.UPDATE.IN_AA", {**live, "discard": "old"})
    assert await examined(server) == ["NATS stream IN_AA discard"]


async def test_a_stream_that_is_missing_is_a_problem(nats_server: Start) -> None:
    server = nats_server("AA", provisioned=False)
    assert "NATS stream INTAKE stream" in await examined(server)


async def test_an_inbox_with_a_window_is_a_problem(nats_server: Start) -> None:
    server = nats_server("AA")
    async with server.user(PROVISIONER) as client:
        live = (await live_streams(client))["INBOX"]
        await asked(client, "STREAM.UPDATE.INBOX", {**live, "duplicate_window": 60 * 10**9})
    assert await examined(server) == ["NATS stream INBOX duplicate_window"]


async def test_a_user_with_more_rights_than_declared_is_a_problem(nats_server: Start) -> None:
    server = nats_server("AA")
    text = server.server.config.read_text()
    server.server.config.write_text(
        text.replace('allow: ["siraba.reporting.>"', 'allow: ["siraba.>"')
    )
    server.server.reload()
    assert await examined(server) == ["NATS user reporting has its allow-list and no more"]


async def test_an_account_nobody_registered_is_a_problem(nats_server: Start) -> None:
    server = nats_server("AA", "BB")
    server.partners.pop()
    assert "NATS has the registered accounts only" in await examined(server)


async def test_an_import_of_anothers_feed_is_a_problem() -> None:
    foreign = {"subject": "out.BB.>", "account": "BB", "type": "stream"}
    detail = {"imports": [foreign], "subscriptions": 5, "jetstream_enabled": False}
    found = account_checks({"AA": detail, "PLATFORM": {"subscriptions": 1}}, RIGHTFUL)
    assert problems(found) == ["NATS accounts import nothing of another's"]


async def test_imports_that_lead_nowhere_are_a_problem() -> None:
    rightful = {"subject": "in.AA.>", "account": "PLATFORM", "type": "service"}
    detail = {"imports": [rightful], "subscriptions": 0, "jetstream_enabled": False}
    found = account_checks({"AA": detail, "PLATFORM": {"subscriptions": 1}}, RIGHTFUL)
    assert problems(found) == ["NATS accounts' imports are connected"]


def test_a_healthy_server_passes() -> None:
    assert problems(server_checks(HEALTHY)) == []


def test_each_weak_setting_of_a_server_is_named() -> None:
    weak = {
        "version": "2.14.9",
        "host": "0.0.0.0",  # noqa: S104 - what must be found
        "auth_required": False,
        "max_payload": 8_388_608,
        "http_host": "0.0.0.0",  # noqa: S104 - what must be found
        "jetstream": {"config": {"sync_interval": 120_000_000_000}},
        "websocket": {"port": 8080},
    }
    assert problems(server_checks({**HEALTHY, **weak})) == [
        "NATS is at least 2.15",
        "NATS syncs at every write",
        "NATS has no other listener",
        "NATS listens on loopback or with TLS",
        "NATS demands a key",
        "NATS max_payload is 1 MiB",
        "NATS monitoring is on loopback or off",
    ]


def test_a_user_without_any_list_is_a_problem() -> None:
    rights = Rights(("siraba.intake.>",), ("_INBOX_intake.>",))
    assert not rights_check("intake", rights, {"user": "U"}).holds


async def test_a_server_that_does_not_answer_is_a_problem(nats_server: Start) -> None:
    server = nats_server("AA")
    server.server.stop()
    assert len(await examined(server)) == 4


async def test_the_embedded_database_is_healthy(fresh_database: Database) -> None:
    assert problems(await check_postgres(fresh_database.url("siraba_ops"))) == []


async def test_unforced_row_level_security_is_a_problem(
    fresh_database: Database, postgres_server: PostgresServer
) -> None:
    statement = (
        "create table intake.leaky (n int); alter table intake.leaky enable row level security"
    )
    await postgres_server.execute(statement, database=fresh_database.name)
    found = await check_postgres(fresh_database.url("siraba_ops"))
    assert problems(found) == ["row-level security is forced"]


async def test_a_database_that_trades_durability_for_speed_is_a_problem(
    fresh_database: Database, postgres_server: PostgresServer
) -> None:
    name = fresh_database.name
    await postgres_server.execute(f"alter database {name} set synchronous_commit = off")
    found = await check_postgres(fresh_database.url("siraba_ops"))
    assert problems(found) == ["PostgreSQL synchronous_commit = on"]


async def test_a_database_that_does_not_answer_is_a_problem() -> None:
    found = await check_postgres("postgresql+asyncpg://siraba_ops:x@127.0.0.1:1/siraba")
    assert problems(found) == ["PostgreSQL answers"]
    assert "siraba_ops" not in found[0].found
