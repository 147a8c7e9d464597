"""Twenty configurations that would harm somebody, each made on real servers: the doctor names all."""

import shutil
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Final

import pytest
from pydantic import ValidationError

from deploy.checks import Check, check_postgres
from deploy.doctor import check_nats
from deploy.embedded.processes import free_port
from deploy.host_checks import check_doors, check_host
from deploy.jetstream import asked, live_streams
from deploy.keys import PROVISIONER, new_seed, public_key
from deploy.migrate import OPERATIONS
from deploy.settings import PlatformSettings
from deploy.signing_keys import ensure_signing_keys
from deploy.state import State
from tests.ledger import Figure
from tests.servers import Database, NatsServer, PostgresServer

pytestmark = [pytest.mark.connected, pytest.mark.share("operators")]
Start = Callable[..., NatsServer]
#: What is written instead of what, in the server's configuration; and the check that must fail.
NATS: Final[Mapping[str, tuple[str, str, str]]] = {
    "written later": ("sync_interval: always", 'sync_interval: "2m"', "NATS syncs at every write"),
    "a websocket": (
        "server_name",
        "websocket {{ port: {port}, no_tls: true }}\nserver_name",
        "NATS has no other listener",
    ),
    "a leaf listener": (
        "server_name",
        'leafnodes {{ listen: "127.0.0.1:{port}" }}\nserver_name',
        "NATS has no other listener",
    ),
    "mqtt": ("server_name", "mqtt {{ port: {port} }}\nserver_name", "NATS has no other listener"),
    "open to all, in the clear": (
        'listen: "127.0.0.1',
        'listen: "0.0.0.0',
        "NATS listens on loopback or with TLS",
    ),
    "watched by all": (
        'http: "127.0.0.1',
        'http: "0.0.0.0',
        "NATS monitoring is on loopback or off",
    ),
    "large messages": (
        "max_payload: 1048576",
        "max_payload: 8388608",
        "NATS max_payload is 1 MiB",
    ),
    "a service that may say anything": (
        'allow: ["siraba.reporting.>"',
        'allow: ["siraba.>"',
        "NATS user reporting has its allow-list and no more",
    ),
    "streams of a partner's own": (
        "  AA {{\n",
        "  AA {{\n    jetstream: enabled\n",
        "NATS has JetStream in one account only",
    ),
    "an account nobody registered": (
        "accounts {{\n",
        "accounts {{\n  STRANGER {{ users: [ {{ nkey: {key} }} ] }}\n",
        "NATS has the registered accounts only",
    ),
}
STREAMS: Final[Mapping[str, tuple[str, str, object]]] = {
    "drops the oldest": ("IN_AA", "discard", "old"),
    "one partner's id silences another's": ("INBOX", "duplicate_window", 60 * 10**9),
    "forgets facts": ("INTAKE", "max_age", 86_400 * 10**9),
}
#: Said to the superuser before and after, `{db}` for the database; and the check that must fail.
POSTGRES: Final[Mapping[str, tuple[str, str, str]]] = {
    name: (f"alter database {{db}} set {name} = {value}", f"alter database {{db}} reset {name}", check)
    for name, value, check in (
        ("synchronous_commit", "off", "PostgreSQL synchronous_commit = on"),
        ("password_encryption", "md5", "PostgreSQL password_encryption = scram-sha-256"),
    )
} | {
    "a role beyond row security": (
        "alter role intake_web bypassrls",
        "alter role intake_web nobypassrls",
        "PostgreSQL roles hold no special right",
    ),
    "row security that its owner escapes": (
        "create table intake.leaky (n int); alter table intake.leaky enable row level security",
        "drop table intake.leaky",
        "row-level security is forced",
    ),
    "looks that can be taken back": (
        "grant delete on intake.audit to intake_work",
        "revoke delete on intake.audit from intake_work",
        "looks and roots are only added to",
    ),
}  # fmt: skip


class Tally:
    """What was tried, and what nobody would have been told of."""

    def __init__(self) -> None:
        self.tried: list[str] = []
        self.missed: list[str] = []

    def judge(self, what: str, checks: list[Check], *, wanted: str) -> None:
        """Count it; missed unless the check of this name fails."""
        self.tried.append(what)
        if wanted not in {check.name for check in checks if not check.holds}:
            self.missed.append(what)


async def _nats(tally: Tally, start: Start) -> None:
    server = start("AA", "BB")
    text = server.server.config.read_text()
    for what, (old, new, wanted) in NATS.items():
        key = public_key(new_seed())
        bad = text.replace(old.format(), new.format(port=free_port(), key=key), 1)
        assert bad != text, what
        server.server.stop()
        server.server.config.write_text(bad)
        server.server.start()
        tally.judge(
            what, await check_nats(server.url, server.state, server.partners), wanted=wanted
        )
    server.server.stop()
    server.server.config.write_text(text)
    server.server.start()
    for what, (stream, field, value) in STREAMS.items():
        async with server.user(PROVISIONER) as client:
            live = (await live_streams(client))[stream]
            await asked(client, f"STREAM.UPDATE.{stream}", {**live, field: value})
        found = await check_nats(server.url, server.state, server.partners)
        tally.judge(what, found, wanted=f"NATS stream {stream} {field}")
        async with server.user(PROVISIONER) as client:
            await asked(client, f"STREAM.UPDATE.{stream}", live)
    healthy = await check_nats(server.url, server.state, server.partners)
    assert [check.name for check in healthy if not check.holds] == []


async def _postgres(tally: Tally, database: Database, server: PostgresServer) -> None:
    url = database.url(OPERATIONS)
    for what, (worse, back, wanted) in POSTGRES.items():
        await server.execute(worse.format(db=database.name), database=database.name)
        tally.judge(what, await check_postgres(url), wanted=wanted)
        await server.execute(back.format(db=database.name), database=database.name)
    (rules,) = server.server.data.rglob("pg_hba.conf")
    with _kept(rules):
        rules.write_text("host all all 127.0.0.1/32 trust\nlocal all all trust\n")
        await _read_anew(server)
        found = await check_doors(url, clock=lambda: datetime.now(UTC))
        tally.judge("trust", found, wanted="PostgreSQL demands a password")
    await _read_anew(server)
    late = await check_doors(url, clock=lambda: datetime.now(UTC) + timedelta(minutes=1))
    tally.judge("another time", late, wanted="PostgreSQL's clock and ours agree")
    healthy = [
        *await check_postgres(url),
        *await check_doors(url, clock=lambda: datetime.now(UTC)),
    ]
    assert [check.name for check in healthy if not check.holds] == []


async def _read_anew(server: PostgresServer) -> None:
    """Give the server the moment that this takes."""
    await server.execute("select pg_reload_conf()")
    await server.execute("select pg_sleep(0.3)")


@contextmanager
def _kept(path: Path) -> Iterator[None]:
    """What is in a file is there again afterwards."""
    copy = path.with_suffix(".kept")
    shutil.copy2(path, copy)
    try:
        yield
    finally:
        path.write_text(copy.read_text())


def _machine(tally: Tally, folder: Path) -> None:
    state, now = State(folder), datetime.now(UTC)
    state.prepare()
    ensure_signing_keys(state, now=now)
    later = check_host(state, now=now + timedelta(days=401))
    tally.judge("old keys", later, wanted="signing keys are younger than 400 days")
    state.secrets.chmod(0o755)
    tally.judge("open secrets", check_host(state, now=now), wanted="secrets are closed to others")


def _refused(tally: Tally) -> None:
    """What no command starts with."""
    for url in ("nats://nats.example:4222", "nats://127.0.0.1:4222,nats://10.0.0.7:4222"):
        tally.tried.append(url)
        try:
            PlatformSettings(nats_url=url)
        except ValidationError:
            continue
        tally.missed.append(url)


async def test_each_harmful_configuration_is_refused_or_named(
    nats_server: Start,
    fresh_database: Database,
    postgres_server: PostgresServer,
    tmp_path: Path,
    figure: Figure,
) -> None:
    tally = Tally()
    await _nats(tally, nats_server)
    await _postgres(tally, fresh_database, postgres_server)
    _machine(tally, tmp_path)
    _refused(tally)
    assert tally.missed == []
    figure("operators.badconfig.missed", len(tally.missed))
    figure("operators.badconfig.tried", len(tally.tried))
