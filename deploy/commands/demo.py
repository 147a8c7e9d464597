"""`siraba demo`: the main job, from nothing to figures, in one command that ends by itself."""

import asyncio
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from deploy.commands.context import failing_clearly, platform_settings
from deploy.demonstration.play import play
from deploy.demonstration.show import show

STATE = Path(".siraba/demo")


@failing_clearly
def demo(
    state_dir: Annotated[
        Path, typer.Option(help="Folder for the demonstration's own state; wiped at start.")
    ] = STATE,
) -> None:
    """Play the main job on fictional people, and show what happened.

    Starts the platform and four partner programs (police, justice, health,
    shelter), imports a fictional HTCDS workbook with 30 cases, lets the
    partners answer, then shows what each of them received and answered, the
    committee's four figures and the way of one case. Ends by itself and
    leaves nothing running.

    Example:

      siraba demo
    """
    settings = platform_settings(state_dir=state_dir, front_port=0, nats_port=0)
    console = Console()
    played = asyncio.run(play(settings, say=lambda line: console.print(line, highlight=False)))
    show(played, console=console, state_dir=state_dir)
