"""What every organisation that joins is handed: where to connect, whom to believe, what to say."""

import json
import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from chassis.trust import PLATFORM_KEYS
from deploy.signing_keys import to_hand_over
from deploy.state import State

_CONTRACTS: Final = Path(__file__).parent.parent / "contracts"


@dataclass(frozen=True, slots=True, kw_only=True)
class Endpoints:
    """Where organisations connect; `authority` signed the certificate, where it is not public."""

    nats: str
    web: str
    authority: Path | None = None


def write_bundle(folder: Path, state: State, endpoints: Endpoints) -> None:
    """Lay all of it into `folder`, which must not exist yet: FileExistsError. Nothing is secret."""
    folder.mkdir(parents=True)
    where = {"nats": endpoints.nats, "web": endpoints.web}
    if endpoints.authority is not None:
        shutil.copyfile(endpoints.authority, folder / "authority.pem")
        where["authority"] = "authority.pem"
    (folder / "endpoints.json").write_text(json.dumps(where, indent=2) + "\n", encoding="utf-8")
    (folder / PLATFORM_KEYS).write_text(to_hand_over(state).write(), encoding="utf-8")
    shutil.copyfile(_CONTRACTS / "asyncapi.json", folder / "asyncapi.json")
    for channel in ("feed", "requests"):
        shutil.copytree(_CONTRACTS / "schemas" / channel, folder / "schemas" / channel)
        for version in sorted((_CONTRACTS / "examples").glob("[0-9]*")):
            shutil.copytree(version / channel, folder / "examples" / channel, dirs_exist_ok=True)
    shutil.copyfile(_CONTRACTS / "examples" / "keys.json", folder / "examples" / "keys.json")
