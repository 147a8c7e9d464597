"""`siraba partner`: organisations that take part with a program, from the first key to the last."""

import typer

from deploy.commands.partner import approved, joining, leaving, looking

partner = typer.Typer(
    help="Organisations that take part with a program: let in, new keys, suspended, cut off, gone.",
    no_args_is_help=True,
    add_completion=False,
)
for _command in (
    approved.waiting,
    joining.add,
    joining.countersign,
    joining.activate,
    joining.bundle,
    joining.rotate,
    leaving.suspend,
    leaving.resume,
    leaving.revoke,
    leaving.remove,
    looking.keys,
    looking.show,
):
    partner.command()(_command)
