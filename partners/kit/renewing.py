"""Replacing an organisation's keys: made beside the old ones, taken into use once they are known."""

import json
from datetime import datetime
from pathlib import Path
from typing import Final

from contracts.countersigning import PREVIOUS, prove
from contracts.signing import Signer
from partners.kit.edge import SYSTEM, Edge
from partners.kit.errors import KeysRefused
from partners.kit.keys import PRIVATE, PUBLIC, SEALING, Keys, init, load
from partners.kit.ledger import Ledger
from partners.kit.writing import Writer

#: Where the next keys lie until they are taken into use.
NEXT: Final = "next"


def renew(folder: Path, *, edge: Edge = SYSTEM) -> Keys:
    """Make the next keys in `folder/next`; the old ones vouch for them in their `public.json`.

    Raises `KeysRefused`, also where next keys lie there already.
    """
    old = load(folder)
    new = init(folder / NEXT, code=old.code, edge=edge)
    path = folder / NEXT / PUBLIC
    document = json.loads(path.read_bytes())
    document[PREVIOUS] = prove(Signer(old.signing), document)
    path.write_text(json.dumps(document, indent=2) + "\n", encoding="utf-8")
    return new


def take_into_use(folder: Path, *, now: datetime) -> Keys:
    """Put the next keys in the place of the old; the old sealing key stays, for what is on its way.

    Stop your program first. After a crash midway, do it again. Raises `KeysRefused`.
    """
    following = folder / NEXT
    if not following.is_dir():
        raise KeysRefused(f"{following} is missing: make the next keys with `siraba-partner renew`")
    kept = folder / f"sealing-{now:%Y%m%dT%H%M%SZ}.key"
    if (following / SEALING).exists() and (folder / SEALING).exists():
        (folder / SEALING).rename(kept)
    for name in (*reversed(PRIVATE), PUBLIC):  # public.json last: it says that the set is complete
        if (following / name).exists():
            (following / name).replace(folder / name)
    keys = load(folder)
    _sign_anew(folder, keys)
    following.rmdir()  # last: where it is left, this is done again
    return keys


def _sign_anew(folder: Path, keys: Keys) -> None:
    """What waits was signed with a key that ended: under the same id, it would be refused."""
    ledger = Ledger.open(folder)
    try:
        writer = Writer(ledger=ledger, edge=SYSTEM, keys=keys)
        for one in ledger.outbox.all_waiting():
            ledger.outbox.sign_anew(one.id, writer.signed_anew(one))
    finally:
        ledger.close()
