"""PostgreSQL and NATS for a platform: embedded ones made from its state, or external ones."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from deploy.directory import load_directory
from deploy.doors import read_doors
from deploy.embedded.nats import EmbeddedNats
from deploy.embedded.postgres import SUPERUSER, EmbeddedPostgres
from deploy.embedded.processes import ServerError, free_port
from deploy.jetstream import connected
from deploy.keys import (
    PROVISIONER,
    SYSTEM,
    Partner,
    own_public_keys,
    registered_partners,
    seed_file,
)
from deploy.migrate import OPERATIONS, ROLES, Administration, role_url
from deploy.nats_config import Accounts, Listener, Storage, server_config
from deploy.provision import emit, reload_by_system_account
from deploy.settings import PlatformSettings
from deploy.state import State, write_secret

MINIMUM_NATS = (2, 15)


@dataclass(frozen=True, slots=True)
class NatsPorts:
    """Where an embedded server listens: for clients, and for whoever watches it."""

    client: int
    monitor: int


def known_partners(state: State, settings: PlatformSettings) -> tuple[Partner, ...]:
    """Every organisation of the directory, with the keys by which NATS lets it in.

    Those of the file as well, which the directory takes up with the next start.
    """
    doors = read_doors(state)
    listed = {entry.code for entry in load_directory(settings.directory_file)} | set(doors.feeds)
    return tuple(
        replace(one, nkeys=()) if one.code in doors.suspended else one
        for one in registered_partners(state, tuple(listed))
        if one.code not in doors.removed
    )


async def let_in(state: State, settings: PlatformSettings) -> None:
    """Bring a running server's accounts to what the state says now; others go on.

    An external server without a folder of ours in its configuration is not ours to change: it
    follows `siraba provision --emit DIR --reload`.
    """
    status = state.status()
    if settings.nats_url is not None and settings.nats_include_dir is not None:
        with state.turn():
            write_includes(state, settings)
            await reload_by_system_account(settings.nats_url, seed_file(state, SYSTEM))
    elif ports := status.get("nats_ports"):
        with state.turn():
            write_nats_config(state, NatsPorts(*ports), known_partners(state, settings))
            await reload_by_system_account(str(status["nats_url"]), seed_file(state, SYSTEM))


def write_includes(state: State, settings: PlatformSettings) -> None:
    """(Re)write what an external server includes, where the settings name a folder for it."""
    if settings.nats_include_dir is None:
        return
    try:
        emit(settings.nats_include_dir, accounts_of(state, known_partners(state, settings)))
    except OSError as error:
        raise ServerError(f"{settings.nats_include_dir}: {error.strerror}") from None


def write_nats_config(state: State, ports: NatsPorts, partners: Sequence[Partner]) -> None:
    """(Re)write the embedded server's configuration; a running server takes it up by a reload."""
    text = server_config(
        Listener(ports.client),
        Storage(state.nats / "store"),
        accounts_of(state, partners),
        monitor_port=ports.monitor,
        log=_nats_log(state),
    )
    write_secret(state.nats / "nats.conf", text)


def accounts_of(state: State, partners: Sequence[Partner]) -> Accounts:
    """Who may connect, and what the provisioner may clear away."""
    return Accounts(own_public_keys(state), partners, removed=read_doors(state).removed)


def embedded_nats(state: State, ports: NatsPorts) -> EmbeddedNats:
    """The server of this state folder, not yet started."""
    return EmbeddedNats(
        state.nats / "nats.conf",
        port=ports.client,
        monitor_port=ports.monitor,
        log=state.run / "nats.out",
        own_log=_nats_log(state),
    )


def _nats_log(state: State) -> Path:
    return state.run / "nats.log"


def embedded_postgres(state: State, port: int, *, waits_for: str = "") -> EmbeddedPostgres:
    """The cluster of this state folder, not yet started. waits_for: whom its commits wait for."""
    return EmbeddedPostgres(
        state.postgres,
        password=state.password(SUPERUSER),
        log=state.run / "postgres.log",
        port=port,
        waits_for=waits_for,
    )


def choose_ports(settings: PlatformSettings) -> NatsPorts:
    """The ports an embedded NATS gets; the watcher's is any free one."""
    return NatsPorts(free_port(settings.nats_port), free_port())


def administration(state: State, admin_url: str) -> Administration:
    """How to administer the database, with the roles' passwords of this state folder."""
    return Administration(admin_url, {role: state.password(role) for role in ROLES})


async def join_nats(state: State, settings: PlatformSettings, *, url: str) -> None:
    """Have an external server know whom the directory lets in now. Raises ServerError.

    One that starts for the first time waits for what is written here; one that runs reads it.
    """
    write_includes(state, settings)
    await _require_nats(state, url)
    await let_in(state, settings)


async def _require_nats(state: State, url: str) -> None:
    """An external server must know our accounts and be new enough. Raises ServerError."""
    try:
        async with connected(url, PROVISIONER, seed_file(state, PROVISIONER)) as client:
            version = client.connected_server_version
    except ServerError as error:
        raise ServerError(
            f"{error}: is the server up, and does its configuration include what "
            "`siraba provision --emit DIR` writes?"
        ) from None
    if (version.major, version.minor) < MINIMUM_NATS:
        raise ServerError(f"NATS {version.major}.{version.minor}: Siraba needs 2.15 or newer")


def ops_database_url(state: State, settings: PlatformSettings) -> str:
    """The read-only role's URL on the external database or on the platform that runs now."""
    if settings.database_admin_url is not None:
        admin_url = settings.database_admin_url.get_secret_value()
        return role_url(administration(state, admin_url), OPERATIONS)
    address = state.status().get("database")
    if not address:
        raise ServerError(f"nothing runs on {state.root}: start `siraba up`")
    place = f"{address['host']}:{address['port']}/{address['database']}"
    return f"postgresql+asyncpg://{OPERATIONS}:{state.password(OPERATIONS)}@{place}"
