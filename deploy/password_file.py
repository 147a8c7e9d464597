"""PostgreSQL's own password files, one a service: its URL names the file instead of the password."""

from contracts.topology import SERVICES
from deploy.migrate import DATABASE
from deploy.state import State, write_secret


def write_password_files(state: State) -> None:
    """Write `secrets/<service>.pgpass` for PGPASSFILE: both roles of one service, on any server."""
    for service in SERVICES:
        roles = (f"{service}_web", f"{service}_work")
        lines = [f"*:*:{DATABASE}:{role}:{state.password(role)}\n" for role in roles]
        write_secret(state.secrets / f"{service}.pgpass", "".join(lines))
