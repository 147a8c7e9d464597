"""The `siraba` command: assembles the files of `deploy.commands`, one per command."""

import typer

from deploy.commands.demo import demo
from deploy.commands.dlq import dlq
from deploy.commands.doctor import doctor
from deploy.commands.import_cases import import_command
from deploy.commands.link import link
from deploy.commands.provision import provision_command
from deploy.commands.run import run
from deploy.commands.trace import trace
from deploy.commands.up import up

app = typer.Typer(
    name="siraba",
    help="Refers survivors of trafficking between institutions, and shows that each referral "
    "arrived.\n\nStart with: siraba up",
    no_args_is_help=True,
    add_completion=False,
    # A traceback with local variables could show what must not be shown.
    pretty_exceptions_enable=False,
)

app.command("up")(up)
app.command("run")(run)
app.command("provision")(provision_command)
app.command("doctor")(doctor)
app.command("demo")(demo)
app.command("link")(link)
app.add_typer(dlq, name="dlq")
app.command("import")(import_command)
app.command("trace")(trace)

if __name__ == "__main__":
    app()
