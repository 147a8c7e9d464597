import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from copy import deepcopy
from functools import partial
from pathlib import Path
from random import Random
from time import perf_counter

import pytest

from partners.verify import Unreadable, check, read_export, read_keys, read_roots
from partners.verify.checking import message_findings
from tests.contracts.letters import bent_bytes, bent_texts
from tests.ledger import Figure, Form
from tests.partners.exported import (
    CASE,
    TAMPERINGS,
    Document,
    World,
    a_keyring,
    a_world,
    encoded,
    truncate_messages,
    witnessed,
)

pytestmark = pytest.mark.share("sealed")
SEED = 20261124
#: About as many bits as one message has.
FLIPS = 8_000
KEYS = read_keys(a_keyring().write().encode())
ROOT = Path(__file__).parents[2]


def named(exported: Document, roots: bytes) -> list[str]:
    """The places that an expert with the witnesses' roots is told."""
    try:
        export = read_export(encoded(exported))
    except Unreadable as fault:
        return [f"unreadable: {fault}"]
    return [one.where for one in check(export, keys=KEYS, roots=read_roots(roots)).findings]


def by_messages_alone(exported: Document) -> list[str]:
    """What shows without any root."""
    return [one.where for one in message_findings(read_export(encoded(exported)), keys=KEYS)]


def flipped(exported: Document, nth: int) -> Iterator[Document]:
    """Every change of one bit in one message."""
    messages = exported["messages"]
    one, rest = messages[nth], exported | {}

    def with_(changed: Document) -> Document:
        return rest | {"messages": [*messages[:nth], changed, *messages[nth + 1 :]]}

    for name, value in one["headers"].items():
        others = {other: said for other, said in one["headers"].items() if other != name}
        for bent in bent_texts(value):
            yield with_(one | {"headers": others | {name: bent}})
        for bent in bent_texts(name):
            yield with_(one | {"headers": others | {bent: value}})
    for bent in bent_texts(one["subject"]):
        yield with_(one | {"subject": bent})
    for content in bent_bytes(one["body"].encode()):
        yield with_(one | {"body": content.decode("latin-1")})


def small_worlds(count: int) -> Iterator[Document]:
    """Cases of one message in each service, none like another."""
    for nth in range(count):
        world = World(written=nth * 10)
        world.say("intake")
        world.say("referral")
        yield world.exported()


@pytest.mark.timeout(1200)
def test_no_tampering_escapes_whoever_has_the_roots_and_each_is_named_by_its_place(
    form: Form, figure: Figure
) -> None:
    rng, world = Random(SEED), a_world()
    whole = world.exported()
    roots = witnessed(whole)
    assert named(whole, roots) == []
    missed, misplaced = _tampered(whole, world, rng=rng, count=form.pick(short=90, long=1_000))

    every, sampled = form.pick(short=0, long=10), form.pick(short=40, long=500)
    for nth, exported in enumerate(small_worlds(form.pick(short=4, long=60))):
        known, kept = witnessed(exported), 1.0 if nth < every else sampled / FLIPS
        for place in (0, 1):
            for changed in flipped(exported, place):
                if rng.random() < kept and not named(changed, known):
                    missed.append(f"a bit of message {place}")

    unseen = _unseen_without_roots(whole, world, rng=rng)
    assert unseen > 0, "a truncation that shows by itself needs no roots"
    assert misplaced == []
    figure("sealed.tamper.missed", len(missed), seed=SEED, control=unseen)


def _tampered(
    whole: Document, world: World, *, rng: Random, count: int
) -> tuple[list[str], list[str]]:
    """What nobody noticed, and what was noticed elsewhere."""
    roots, missed, misplaced, tried = witnessed(whole), [], [], Counter[str]()
    for nth in range(count):
        tamper = TAMPERINGS[nth % len(TAMPERINGS)]
        changed = deepcopy(whole)
        where = tamper(changed, rng, world)
        found = named(changed, roots)
        tried[tamper.__name__] += 1
        if not found:
            missed.append(f"{tamper.__name__} at {where}")
        elif not any(_fits(where, place) for place in found):
            misplaced.append(f"{tamper.__name__} at {where}: {found}")
    assert len(tried) == len(TAMPERINGS)
    return missed, misplaced


def _fits(where: str, place: str) -> bool:
    """Whether what was named is the place, or the whole that it is in."""
    return where.lower() in place.lower() or place.lower() in where.lower()


def _unseen_without_roots(whole: Document, world: World, *, rng: Random) -> int:
    unseen = 0
    for _ in range(20):
        changed = deepcopy(whole)
        truncate_messages(changed, rng, world)
        unseen += not by_messages_alone(changed)
    return unseen


def test_a_long_case_among_many_is_checked_within_seconds_on_a_bare_machine(
    form: Form, figure: Figure, tmp_path: Path
) -> None:
    looked = form.pick(short=400, long=20_000)
    world = a_world(told=60, looked=60, others=form.pick(short=300, long=3_000))
    for nth in range(looked):
        world.look("intake", CASE if nth % 50 == 0 else None)
    exported = world.exported()
    (tmp_path / "case").write_bytes(encoded(exported))
    (tmp_path / "keys").write_bytes(a_keyring().write().encode())
    (tmp_path / "roots").write_bytes(witnessed(exported))
    run = partial(
        subprocess.run,
        [
            sys.executable, "-m", "partners.verify", str(tmp_path / "case"),
            "--keys", str(tmp_path / "keys"), "--roots", str(tmp_path / "roots"),
        ],
        cwd=ROOT, capture_output=True, text=True, check=False,
    )  # fmt: skip

    start = perf_counter()
    done = run()
    seconds = perf_counter() - start

    assert done.returncode == 0, done.stdout + done.stderr
    figure("sealed.verify.seconds", round(seconds, 2))
