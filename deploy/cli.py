"""The `siraba` command: assembles the files of `deploy.commands`, one per command."""

import importlib
from typing import Any, Final

import typer
from typer.core import TyperGroup
from typer.main import get_command

#: Where each command is. It is loaded when it is called: a service need not load the platform.
COMMANDS: Final = {
    "up": "deploy.commands.up:up",
    "demo": "deploy.commands.demo:demo",
    "import": "deploy.commands.import_cases:import_command",
    "trace": "deploy.commands.trace:trace",
    "explain": "deploy.commands.explain:explain",
    "disclosures": "deploy.commands.disclosures:disclosures",
    "consent": "deploy.commands.consent:consent",
    "duplicates": "deploy.commands.duplicates:duplicates",
    "evidence": "deploy.commands.evidence:evidence",
    "policy": "deploy.commands.policy:policy",
    "reference": "deploy.commands.reference:reference",
    "keys": "deploy.commands.keys:keys",
    "vault": "deploy.commands.vault:vault",
    "directory": "deploy.commands.directory:directory",
    "officer": "deploy.commands.officer:officer",
    "partner": "deploy.commands.partner:partner",
    "notices": "deploy.commands.notices:notices",
    "user": "deploy.commands.user:user",
    "openid": "deploy.commands.openid:openid",
    "link": "deploy.commands.link:link",
    "catalogue": "deploy.commands.catalogue:catalogue",
    "simulate": "deploy.commands.simulate:simulate",
    "reporting": "deploy.commands.reporting:reporting",
    "report": "deploy.commands.report:report",
    "export": "deploy.commands.export:export",
    "dlq": "deploy.commands.dlq:dlq",
    "outbox": "deploy.commands.outbox:outbox",
    "audit": "deploy.commands.audit:audit",
    "metrics": "deploy.commands.metrics:metrics",
    "backup": "deploy.commands.backup:backup",
    "restore": "deploy.commands.restore:restore",
    "doctor": "deploy.commands.doctor:doctor",
    "front": "deploy.commands.front:front",
    "prepare": "deploy.commands.prepare:prepare",
    "provision": "deploy.commands.provision:provision_command",
    "run": "deploy.commands.run:run",
}


class _Commands(TyperGroup):
    """The commands above, in that order."""

    def list_commands(self, ctx: Any) -> list[str]:
        """Names, for the help."""
        return list(COMMANDS)

    def get_command(self, ctx: Any, cmd_name: str) -> Any:
        """Load one command; None for an unknown name."""
        return _load(cmd_name) if cmd_name in COMMANDS else None


def _load(name: str) -> Any:
    module, _, attribute = COMMANDS[name].partition(":")
    found = getattr(importlib.import_module(module), attribute)
    if not isinstance(found, typer.Typer):
        single = typer.Typer(add_completion=False)
        single.command(name)(found)
        found = single
    command = get_command(found)
    command.name = name
    return command


app = typer.Typer(
    name="siraba",
    cls=_Commands,
    no_args_is_help=True,
    add_completion=False,
    # A traceback with local variables could show what must not be shown.
    pretty_exceptions_enable=False,
)


@app.callback()
def siraba() -> None:
    """Refers survivors of trafficking between institutions, and shows that each referral arrived.

    Start with: siraba up
    """


if __name__ == "__main__":
    app()
