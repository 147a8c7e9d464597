"""Writes the NATS server's configuration: one account per organisation, one user per service."""

import ipaddress
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from contracts.handed_over import checked_public_key
from contracts.topology import MAX_PAYLOAD_BYTES, PLATFORM_ACCOUNT, organisation_code
from deploy.keys import PROVISIONER, SYSTEM, Partner
from deploy.nats_permissions import (
    Rights,
    own_accounts,
    partner_imports,
    partner_rights,
    provisioner_rights,
)

SYSTEM_ACCOUNT: Final = "SYS"
_GIB: Final = 1024**3
#: What waits in memory for each stream's disk: a flood must not fill the machine's.
_BUFFERED_BYTES: Final = 32 * 1024**2
#: Whoever tries what it may not writes a line each time: the files turn over, and are few.
_LOG_BYTES: Final = 32 * 1024**2
_LOG_FILES: Final = 4

#: Requests that are answered more than once.
_MANY_ANSWERS: Final = ("$JS.API.CONSUMER.MSG.NEXT.", "$JS.API.DIRECT.GET.")


@dataclass(frozen=True, slots=True)
class Listener:
    """Where clients connect. Outside loopback a certificate is required."""

    port: int
    host: str = "127.0.0.1"
    certificate: Path | None = None
    key: Path | None = None


@dataclass(frozen=True, slots=True)
class Storage:
    """Where streams lie and how much they may take.

    `folder` None leaves the place to the configuration this one is included in. The bound is no
    reservation on the disk; it does not follow the number of organisations, because a server
    refuses a reload that lowers it, and with it the revocation of a key.
    """

    folder: Path | None
    max_file_bytes: int = 128 * _GIB


@dataclass(frozen=True, slots=True)
class Accounts:
    """Who may connect: public keys of our users, and the organisations with theirs.

    removed: codes of those whose streams the provisioner may clear away.
    """

    own_keys: Mapping[str, str]
    partners: Sequence[Partner]
    removed: Sequence[str] = ()


def server_config(
    listener: Listener, storage: Storage, accounts: Accounts, *, monitor_port: int, log: Path
) -> str:
    """The whole configuration of an embedded server, which writes its own `log`.

    Raises ValueError for a code or key that is not one, and for plain text outside loopback.
    """
    return "\n".join(
        (
            f"listen: {_quoted(f'{listener.host}:{listener.port}')}",
            f'http: "127.0.0.1:{monitor_port}"',
            'server_name: "siraba"',
            f"max_payload: {MAX_PAYLOAD_BYTES}",
            f"log_file: {_quoted(str(log))}",
            f"logfile_size_limit: {_LOG_BYTES}",
            f"logfile_max_num: {_LOG_FILES}",
            *_tls(listener),
            jetstream_config(storage),
            accounts_config(accounts),
            "",
        )
    )


def jetstream_config(storage: Storage) -> str:
    """The `jetstream` block. `sync_interval: always`: an ack means the message is on disk."""
    folder = f"  store_dir: {_quoted(str(storage.folder))}\n" if storage.folder else ""
    return (
        f"jetstream {{\n{folder}  sync_interval: always\n"
        f"  max_mem: 67108864\n  max_file: {storage.max_file_bytes}\n"
        f"  max_buffered_size: {_BUFFERED_BYTES}\n}}"
    )


def accounts_config(accounts: Accounts) -> str:
    """The `accounts` block and the name of the system account."""
    codes = [organisation_code(partner.code) for partner in accounts.partners]
    _require_distinct(codes, what="organisation code")
    # One key in two accounts would make the server refuse the file, and everybody with it.
    keys = [key for partner in accounts.partners for key in partner.nkeys]
    _require_distinct([*keys, *accounts.own_keys.values()], what="nkey")
    system_key = checked_public_key(accounts.own_keys[SYSTEM])
    own = own_accounts(codes)
    with_account = [partner for partner in accounts.partners if partner.nkeys]
    exports = _exports(own, with_account)
    blocks = [
        f"  {SYSTEM_ACCOUNT} {{ users: [ {{ nkey: {system_key} }} ] }}",
        _platform_account(
            _user(accounts.own_keys[PROVISIONER], provisioner_rights(accounts.removed)), exports
        ),
        *(_own_account(user, accounts.own_keys[user], rights) for user, rights in own.items()),
        *(_partner_account(partner) for partner in with_account),
    ]
    body = "\n".join(blocks)
    return f"accounts {{\n{body}\n}}\nsystem_account: {SYSTEM_ACCOUNT}"


def account_of(user: str) -> str:
    """The account of one of our users; no organisation's code can be the same."""
    return f"siraba-{user}"


def _exports(own: Mapping[str, Rights], partners: Sequence[Partner]) -> Sequence[str]:
    """Each import has the export of exactly its subject, for the accounts named there.

    No pattern stands for several: where two exports fit an import, the server picks either.
    """
    reached: dict[str, list[str]] = {}
    for user, rights in own.items():
        for there, _ in rights.imports:
            reached.setdefault(there, []).append(account_of(user))
    for partner in partners:
        for there, _ in partner_imports(partner.code):
            reached.setdefault(there, []).append(partner.code)
    return [_export(there, who) for there, who in reached.items()]


def _export(subject: str, accounts: Sequence[str]) -> str:
    many = ", response_type: stream" if subject.startswith(_MANY_ANSWERS) else ""
    return f"{{ service: {_quoted(subject)}{many}, accounts: [{_listed(accounts)}] }}"


def _platform_account(provisioner: str, exports: Sequence[str]) -> str:
    """Where the streams are. Only who declares them lives here: a reply subject is nobody's right.

    The server itself writes an answer to whatever subject in the asker's account the asker named.
    """
    return "\n".join(
        (
            f"  {PLATFORM_ACCOUNT} {{",
            "    jetstream: enabled",
            f"    users: [ {provisioner} ]",
            "    exports: [",
            *(f"      {export}" for export in exports),
            "    ]",
            "  }",
        )
    )


def _own_account(user: str, key: str, rights: Rights) -> str:
    imports = "\n".join(f"      {import_line(there, here)}" for there, here in rights.imports)
    return (
        f"  {account_of(user)} {{\n    users: [ {_user(key, rights)} ]\n"
        f"    imports: [\n{imports}\n    ]\n  }}"
    )


def _partner_account(partner: Partner) -> str:
    rights = partner_rights(partner.code)
    users = "\n".join(f"      {_user(key, rights)}" for key in partner.nkeys)
    imports = "\n".join(f"      {import_line(*one)}" for one in partner_imports(partner.code))
    return (
        f"  {partner.code} {{\n    users: [\n{users}\n    ]\n"
        "    limits: { max_connections: 20, max_subscriptions: 500, max_leafnodes: 0 }\n"
        f"    imports: [\n{imports}\n    ]\n  }}"
    )


def import_line(there: str, here: str) -> str:
    """One service of the account that holds the streams, and the subject it has here."""
    target = "" if here == there else f", to: {_quoted(here)}"
    return f"{{ service: {{ account: {PLATFORM_ACCOUNT}, subject: {_quoted(there)} }}{target} }}"


def _user(key: str, rights: Rights) -> str:
    publish, subscribe = _listed(rights.publish), _listed(rights.subscribe)
    return (
        f"{{ nkey: {checked_public_key(key)}, permissions: "
        f"{{ publish: {{ allow: [{publish}] }}, subscribe: {{ allow: [{subscribe}] }} }} }}"
    )


def _listed(subjects: Sequence[str]) -> str:
    return ", ".join(_quoted(subject) for subject in subjects)


def _quoted(text: str) -> str:
    """A string of the configuration language; ValueError when it could end it early."""
    if any(symbol in text for symbol in '"\\') or not text.isprintable():
        raise ValueError("configuration: a name holds a quote, backslash or control character")
    return f'"{text}"'


def _require_distinct(values: Sequence[str], *, what: str) -> None:
    if len(set(values)) != len(values):
        raise ValueError(f"{what}: registered twice")


def _tls(listener: Listener) -> tuple[str, ...]:
    if listener.certificate is not None and listener.key is not None:
        certificate, key = _quoted(str(listener.certificate)), _quoted(str(listener.key))
        return (f"tls {{ cert_file: {certificate}, key_file: {key} }}",)
    if not ipaddress.ip_address(listener.host).is_loopback:
        raise ValueError("listener: outside loopback a certificate and its key are required")
    return ()
