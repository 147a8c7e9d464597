"""Asks the live servers whether what protects people is really switched on."""

from collections.abc import Collection, Mapping, Sequence
from typing import Any, Final

from chassis.line import is_loopback
from contracts.topology import MAX_PAYLOAD_BYTES, PLATFORM_ACCOUNT
from deploy.checks import Check, failed
from deploy.doors import read_doors
from deploy.drift import Difference
from deploy.embedded.processes import ServerError
from deploy.engines import MINIMUM_NATS
from deploy.jetstream import Answer, asked, connected, raw, server_asked
from deploy.keys import OPERATIONS, SYSTEM, Partner, seed_file
from deploy.nats_config import account_of
from deploy.nats_permissions import OWN_RIGHTS, Rights, all_rights, own_accounts, partner_imports
from deploy.provision import codes_of, find_drift
from deploy.state import State

_OTHER_LISTENERS: Final = ("cluster", "gateway", "leaf", "mqtt", "websocket")
_SERVER_OWN_IMPORTS: Final = ("$SYS.REQ.", "$JS.API.>")


async def check_nats(url: str, state: State, partners: Sequence[Partner]) -> list[Check]:
    """Server settings, streams and consumers, accounts, and each user's rights."""
    checks: list[Check] = []
    for name, check in (
        ("NATS server settings", _server),
        ("NATS streams and consumers", _assets),
        ("NATS accounts", _accounts),
        ("NATS users", _users),
    ):
        try:
            checks += await check(url, state, partners)
        except ServerError as error:
            checks.append(failed(name, error))
    return checks


async def _server(url: str, state: State, _: Sequence[Partner]) -> list[Check]:
    async with connected(url, SYSTEM, seed_file(state, SYSTEM)) as client:
        variables = await server_asked(client, "VARZ")
    return server_checks(variables)


def server_checks(variables: Mapping[str, Any]) -> list[Check]:
    """Judge a server's `/varz`."""
    version = str(variables.get("version", ""))
    numbers = tuple(int(part) for part in version.split(".")[:2] if part.isdigit())
    synced = variables.get("jetstream", {}).get("config", {}).get("sync_always", False)
    listening = [name for name in _OTHER_LISTENERS if variables.get(name, {}).get("port")]
    payload = variables.get("max_payload")
    return [
        Check("NATS is at least 2.15", numbers >= MINIMUM_NATS, version),
        Check("NATS syncs at every write", synced is True, f"sync_always: {synced}"),
        Check("NATS has no other listener", not listening, ", ".join(listening) or "none"),
        _line_check(variables),
        Check("NATS demands a key", variables.get("auth_required") is True, "auth_required"),
        Check("NATS max_payload is 1 MiB", payload == MAX_PAYLOAD_BYTES, str(payload)),
        _watcher_check(variables),
    ]


def _line_check(variables: Mapping[str, Any]) -> Check:
    host, is_encrypted = str(variables.get("host", "")), variables.get("tls_required") is True
    found = f"{host}, {'with' if is_encrypted else 'without'} TLS"
    return Check("NATS listens on loopback or with TLS", is_encrypted or is_loopback(host), found)


def _watcher_check(variables: Mapping[str, Any]) -> Check:
    host = str(variables.get("http_host", ""))
    off = not variables.get("http_port")
    found = "off" if off else host
    return Check("NATS monitoring is on loopback or off", off or host == "127.0.0.1", found)


async def _assets(url: str, state: State, partners: Sequence[Partner]) -> list[Check]:
    async with connected(url, OPERATIONS, seed_file(state, OPERATIONS)) as client:
        await asked(client, "INFO")
        found = await find_drift(client, codes_of(partners))
    return asset_checks(found)


def asset_checks(found: Sequence[Difference]) -> list[Check]:
    """One line for each difference, or one that says there is none."""
    if not found:
        return [Check("NATS streams and consumers are as declared", True, "no difference")]
    return [Check(f"NATS {d.asset} {d.field}", False, str(d)) for d in found]


async def _accounts(url: str, state: State, partners: Sequence[Partner]) -> list[Check]:
    async with connected(url, SYSTEM, seed_file(state, SYSTEM)) as client:
        listed = await server_asked(client, "ACCOUNTZ")
        names = set(listed.get("accounts", ())) - {"$G", "SYS"}
        details = {name: await _account(client, name) for name in sorted(names)}
    return account_checks(details, _rightful_imports(partners))


def _rightful_imports(partners: Sequence[Partner]) -> dict[str, set[str]]:
    own = own_accounts(codes_of(partners))
    rightful = {account_of(user): rights.imports for user, rights in own.items()}
    rightful |= {one.code: partner_imports(one.code) for one in partners if one.nkeys}
    imported = {name: {there for there, _ in pairs} for name, pairs in rightful.items()}
    return imported | {PLATFORM_ACCOUNT: set()}


async def _account(client: Any, name: str) -> Answer:
    answer = await server_asked(client, "ACCOUNTZ", {"account": name})
    detail: Answer = answer.get("account_detail", {})
    return detail


def account_checks(
    details: Mapping[str, Mapping[str, Any]], rightful: Mapping[str, Collection[str]]
) -> list[Check]:
    """Judge which accounts exist and what each imports. rightful: the subjects, by account."""
    names = set(details)
    differing = ", ".join(sorted(names ^ set(rightful))) or "none differs"
    has_all = names == set(rightful)
    checks = [Check("NATS has the registered accounts only", has_all, differing)]
    extra = [
        f"{name}: {entry['subject']}"
        for name, detail in details.items()
        for entry in detail.get("imports") or ()
        if not _is_rightful(entry, rightful.get(name, ()))
    ]
    found = ", ".join(extra) or "none"
    checks.append(Check("NATS accounts import nothing of another's", not extra, found))
    # A reload can leave a new account with imports that lead nowhere: its messages would vanish.
    deaf = [
        n for n, d in details.items() if d.get("subscriptions", 0) < len(d.get("imports") or ())
    ]
    unwired = ", ".join(sorted(deaf)) or "all"
    checks.append(Check("NATS accounts' imports are connected", not deaf, unwired))
    mighty = [n for n in names - {PLATFORM_ACCOUNT} if details[n].get("jetstream_enabled")]
    storing = ", ".join(sorted(mighty)) or "none"
    checks.append(Check("NATS has JetStream in one account only", not mighty, storing))
    return checks


def _is_rightful(entry: Mapping[str, Any], rightful: Collection[str]) -> bool:
    subject = str(entry["subject"])
    if entry.get("account") == "SYS":
        return subject.startswith(_SERVER_OWN_IMPORTS)
    return entry.get("type") == "service" and subject in rightful


async def _users(url: str, state: State, partners: Sequence[Partner]) -> list[Check]:
    checks = []
    for user, rights in all_rights(codes_of(partners), read_doors(state).removed).items():
        async with connected(url, user, seed_file(state, user)) as client:
            answer = await raw(client, OWN_RIGHTS)
        checks.append(rights_check(user, rights, answer.get("data", {})))
    return checks


def rights_check(user: str, wanted: Rights, live: Mapping[str, Any]) -> Check:
    """Judge a user's own rights, as the server tells them."""
    permissions = live.get("permissions") or {}
    publish = set((permissions.get("publish") or {}).get("allow") or ())
    subscribe = set((permissions.get("subscribe") or {}).get("allow") or ())
    name = f"NATS user {user} has its allow-list and no more"
    if not publish or not subscribe:
        return Check(name, False, "may do anything")
    wrong = (publish ^ set(wanted.publish)) | (subscribe ^ set(wanted.subscribe))
    return Check(name, not wrong, ", ".join(sorted(wrong)) or f"{len(publish)} subjects")
