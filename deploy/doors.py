"""Who is to be let in at NATS: what the directory says, as a copy beside the servers' configuration.

The directory lies in the database; the configuration is also written where that is out of reach.
"""

import json
from dataclasses import asdict, dataclass

from chassis.database import open_engine
from deploy.state import State, write_secret
from services.referral.store.directory import Standing, standings


@dataclass(frozen=True, slots=True, kw_only=True)
class Doors:
    """Codes of the directory: of all who have a feed, of those who are suspended, of the removed."""

    feeds: tuple[str, ...] = ()
    suspended: tuple[str, ...] = ()
    removed: tuple[str, ...] = ()


def read_doors(state: State) -> Doors:
    """As they were copied last; nobody where they never were."""
    path = state.doors_file
    if not path.exists():
        return Doors()
    held = json.loads(path.read_text(encoding="utf-8"))
    return Doors(**{name: tuple(codes) for name, codes in held.items()})


async def copy_doors(state: State, *, database_url: str) -> bool:
    """Take them from the directory; whether that changed any."""
    engine = open_engine(database_url, schema="referral", pool_size=1)
    try:
        async with engine.connect() as connection:
            doors = _doors(await standings(connection))
    finally:
        await engine.dispose()
    if doors == read_doors(state):
        return False
    write_secret(state.doors_file, json.dumps(asdict(doors)))
    return True


def _doors(found: list[Standing]) -> Doors:
    return Doors(
        feeds=tuple(one.code for one in found if not one.is_removed),
        suspended=tuple(one.code for one in found if one.is_suspended),
        removed=tuple(one.code for one in found if one.is_removed),
    )
