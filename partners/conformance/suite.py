"""Runs the checks in order on one running program, and says how each ended."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final

from contracts.keyring import Keyring, PublicKey, encode_base64url
from partners.conformance.catalogue import CATALOGUE, Entry
from partners.conformance.checks import answering, reading, trusting
from partners.conformance.door import Door
from partners.conformance.nats_door import NatsDoor
from partners.conformance.platform import Platform, public_half
from partners.conformance.program import Program
from partners.conformance.report import DoorName, Outcome, Report, Verdict, contracts_digest
from partners.conformance.sandbox import Sandbox, running_sandbox
from partners.conformance.stage import Failed, Stage
from partners.conformance.web_door import WebDoor, served
from partners.kit.edge import Edge
from partners.kit.keys import PLATFORM, Keys, init

Check = Callable[[Stage], Awaitable[None]]
CHECKS: Final[Mapping[str, Check]] = {
    check.__name__: check
    for check in (
        reading.offer,
        reading.duplicate,
        reading.gap,
        reading.trimmed,
        reading.poison,
        reading.newer,
        reading.unknown_code,
        reading.replay,
        answering.refused,
        answering.withdrawal,
        answering.slow,
        trusting.signature,
        trusting.rotation,
        trusting.revoked,
    )
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Examination:
    """What to examine: `command` starts the program, whose output goes to `log`; it comes by `door`.

    patience: seconds within which an answer is due. quiet: seconds in which none must come.
    """

    command: Sequence[str]
    code: str
    log: Path
    edge: Edge
    door: DoorName = "nats"
    patience: float = 20.0
    quiet: float = 1.0
    tell: Callable[[Verdict], None] = lambda verdict: None

    async def run(self) -> Report:
        """The whole suite. The program gets keys of its own, made for this run. Raises `KitError`."""
        with TemporaryDirectory(prefix="siraba-conform-") as place:
            folder = Path(place) / "partner"
            keys = init(folder, code=self.code, edge=self.edge)
            nkey = keys.public()["nkey"]
            async with (
                running_sandbox(Path(place), code=self.code, nkey=nkey, edge=self.edge) as sandbox,
                self._door(sandbox, keys) as door,
            ):
                platform = Platform(sandbox, door, self.edge, partner=_public(keys, self.edge))
                (folder / PLATFORM).write_text(platform.keys.write())
                program = Program(self.command, folder=folder, url=door.url, log=self.log)
                stage = Stage(platform, program, self.patience, self.quiet)
                try:
                    verdicts = await self._examine(stage)
                finally:
                    await program.stop()
        return Report(
            code=self.code,
            door=self.door,
            at=self.edge.now(),
            contracts=contracts_digest(),
            verdicts=tuple(verdicts),
        )

    @asynccontextmanager
    async def _door(self, sandbox: Sandbox, keys: Keys) -> AsyncIterator[Door]:
        if self.door == "http":
            web = WebDoor(sandbox, keys.signing.public_key(), self.edge)
            async with served(web):
                yield web
        else:
            door = NatsDoor(sandbox)
            await door.open()
            yield door

    async def _examine(self, stage: Stage) -> list[Verdict]:
        verdicts: list[Verdict] = []
        for entry in CATALOGUE:
            verdict = await _judge(entry, stage, verdicts)
            self.tell(verdict)
            verdicts.append(verdict)
        return verdicts


async def _judge(entry: Entry, stage: Stage, before: Sequence[Verdict]) -> Verdict:
    failed = {one.check for one in before if one.outcome is not Outcome.PASSED}
    if lacking := failed.intersection(entry.needs):
        said = f"rests on {', '.join(sorted(lacking))}"
        return Verdict(check=entry.name, outcome=Outcome.NOT_JUDGED, milliseconds=0, said=said)
    loop = asyncio.get_running_loop()
    begun = loop.time()
    outcome, said = Outcome.PASSED, ""
    try:
        await _run_up(stage)
        await CHECKS[entry.name](stage)
    except Failed as failure:
        outcome, said = Outcome.FAILED, str(failure)
    await stage.platform.take_back()
    spent = round((loop.time() - begun) * 1000)
    return Verdict(check=entry.name, outcome=outcome, milliseconds=spent, said=said)


async def _run_up(stage: Stage) -> None:
    """A check has a running program and no blame of earlier ones."""
    stage.platform.malformed.clear()
    if stage.program.is_running:
        return
    await stage.program.start()
    loop = asyncio.get_running_loop()
    end = loop.time() + stage.patience
    # A program may take its time to start, and one that never waits at its feed is no fault here.
    while loop.time() < end and stage.program.is_running:
        if await stage.platform.door.is_awaited():
            return
        await asyncio.sleep(0.1)


def _public(keys: Keys, edge: Edge) -> Keyring:
    """The organisation's keys as the platform knows them."""
    signing = public_half(keys.signing, owner=keys.code, since=edge.now())
    raw = keys.sealing.public_key().public_bytes_raw()
    sealing = PublicKey(
        owner=keys.code, use="sealing", key=encode_base64url(raw), valid_from=signing.valid_from
    )
    return Keyring([signing, sealing])
