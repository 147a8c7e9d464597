"""NATS keys: made here for our own users, read here for the organisations."""

import json
import os
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import nkeys  # type: ignore[import-untyped]  # the package ships no types

from contracts.handed_over import checked_public_key
from contracts.topology import SERVICES, organisation_code
from deploy.state import State

PROVISIONER: Final = "provisioner"
OPERATIONS: Final = "ops"
#: Reads feeds and stores requests for the organisations that come by HTTP.
DOOR: Final = "door"
SYSTEM: Final = "sys"
#: Every user of ours; each has a seed `nats-<name>.seed` among the secrets.
OWN_USERS: Final = (*SERVICES, DOOR, PROVISIONER, OPERATIONS, SYSTEM)


class KeyFileError(ValueError):
    """An organisation's public key file is not what it should be; names file and field."""


@dataclass(frozen=True, slots=True)
class Partner:
    """One organisation as NATS knows it: its code and the public keys of its users."""

    code: str
    nkeys: tuple[str, ...] = ()


def seed_file(state: State, user: str) -> Path:
    """Where the seed of one of our users lies; made on first use."""
    name = f"nats-{user}.seed"
    state.secret(name, new_seed)
    return state.secrets / name


def own_public_keys(state: State) -> dict[str, str]:
    """Public key of each of our users."""
    return {user: public_key(seed_file(state, user).read_text("ascii")) for user in OWN_USERS}


def new_seed() -> str:
    """A fresh user seed (`SU…`)."""
    seed: bytes = nkeys.encode_seed(os.urandom(32), nkeys.PREFIX_BYTE_USER)
    return seed.decode("ascii")


def public_key(seed: str) -> str:
    """The public half (`U…`) of a seed."""
    key: bytes = nkeys.from_seed(seed.strip().encode("ascii")).public_key
    return key.decode("ascii")


def registered_partners(state: State, codes: tuple[str, ...] = ()) -> tuple[Partner, ...]:
    """The organisations `codes` and every one whose public keys lie in the state folder."""
    keys: dict[str, set[str]] = {organisation_code(code): set() for code in codes}
    for path in sorted((*state.partners.glob("*.json"), *state.partners.glob("*/public.json"))):
        partner = read_public_keys(path)
        keys.setdefault(partner.code, set()).update(partner.nkeys)
    return tuple(Partner(code, tuple(sorted(found))) for code, found in sorted(keys.items()))


def read_public_keys(path: Path) -> Partner:
    """What `siraba-partner init` handed over. Raises KeyFileError."""
    try:
        document = json.loads(path.read_text(encoding="utf-8"))
        code = organisation_code(str(document["code"]))
        return Partner(code, (checked_public_key(str(document["nkey"])),))
    except KeyError as error:
        raise KeyFileError(f"{path.name}: {error.args[0]}: missing") from None
    except (TypeError, json.JSONDecodeError, UnicodeDecodeError):
        raise KeyFileError(f"{path.name}: must be a JSON object") from None
    except ValueError as error:
        raise KeyFileError(f"{path.name}: {error}") from None
