"""Plays the demonstration: platform up, partners up, file in, answers back, figures out."""

import shutil
from collections.abc import Callable
from contextlib import AsyncExitStack
from dataclasses import dataclass
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import httpx

from contracts.callers import issue_token
from contracts.directory import DirectoryEntry
from deploy.commands.context import AT_THE_SERVER
from deploy.demonstration.cast import COMMITTEE, OWNER, PARTNERS, Program, make_keys, quiet
from deploy.directory import load_directory
from deploy.embedded.processes import ServerError
from deploy.importing import Outcome, import_rows
from deploy.intake_client import Sender
from deploy.migrate import OPERATIONS
from deploy.platform import Platform, running_platform
from deploy.settings import PlatformSettings
from deploy.state import State
from deploy.tracing import Way, collect
from partners.kit.keys import Keys
from services.intake.imports import read_cases

SAMPLE = Path(__file__).parents[1] / "samples" / "htcds-30-cases.xlsx"
# The 13-year-old in row 3 needs safety, a bed, a doctor and a lawyer: all four kinds are asked.
SHOWN_ROW = 3
# Its people were found in the autumn of 2026.
SAMPLE_FROM = date(2026, 1, 1)
QUIET_SECONDS = 1.5
LIMIT_SECONDS = 60.0

Say = Callable[[str], None]


@dataclass(frozen=True, slots=True, kw_only=True)
class Played:
    """What there is to show afterwards."""

    programs: tuple[Program, ...]
    organisations: dict[str, DirectoryEntry]
    outcome: Outcome
    figures: dict[str, Any]
    way: Way
    shown_case: str


async def play(settings: PlatformSettings, *, say: Say) -> Played:
    """From an empty state to figures; every process it starts has ended when it returns."""
    state = State(settings.state_dir.resolve())
    wipe(state)
    state.prepare()
    keys = make_keys(state.partners)
    async with AsyncExitStack() as stack:
        say("starting PostgreSQL, NATS and the three services")
        platform = await stack.enter_async_context(running_platform(settings, report=say))
        programs = tuple(
            Program(part, state.partners / part.code, platform.nats_url) for part in PARTNERS
        )
        for program in programs:
            stack.push_async_callback(program.stop)
            await program.start()
        say(f"{len(programs)} partner programs are connected, each in an account of its own")
        outcome = await _import(platform, keys[OWNER])
        say(f"{len(outcome.registered)} cases imported from {SAMPLE.name}; partners answer")
        await quiet(programs, seconds=QUIET_SECONDS, limit=LIMIT_SECONDS)
        figures = await _figures(platform, keys[COMMITTEE])
        number = outcome.registered[SHOWN_ROW]
        _, way = await collect(platform.database_url(OPERATIONS), number, by=AT_THE_SERVER)
    return Played(
        programs=programs,
        organisations={one.code: one for one in load_directory(settings.directory_file)},
        outcome=outcome,
        figures=figures,
        way=way,
        shown_case=number,
    )


def wipe(state: State) -> None:
    """Start anew. Raises ServerError rather than delete a folder that is not a demonstration's."""
    if not state.root.exists():
        return
    if any(state.root.iterdir()) and not (state.root / "run").is_dir():
        raise ServerError(f"{state.root}: not a state folder of Siraba, so it is not wiped")
    if (state.root / "run").is_dir():
        with state.locked():
            pass
    # As root in a folder closed to others, the cluster lies elsewhere behind a link.
    shutil.rmtree(state.postgres.resolve(), ignore_errors=True)
    shutil.rmtree(state.root)


async def _import(platform: Platform, owner: Keys) -> Outcome:
    content = SAMPLE.read_bytes()
    return await import_rows(
        read_cases(content, today=datetime.now(UTC).date()),
        content=content,
        url=platform.front_url,
        sender=Sender(organisation=owner.code, signing=owner.signing),
    )


async def _figures(platform: Platform, committee: Keys) -> dict[str, Any]:
    token = issue_token(
        committee.signing,
        organisation=committee.code,
        role="data_officer",
        audience="reporting",
        now=datetime.now(UTC),
    )
    async with httpx.AsyncClient(base_url=platform.front_url, timeout=20) as client:
        answer = await client.get(
            "/reporting/figures",
            params={"from": SAMPLE_FROM.isoformat()},
            headers={"Authorization": f"Bearer {token}"},
        )
    answer.raise_for_status()
    figures: dict[str, Any] = answer.json()
    return figures
