"""Child processes that never outlive the platform: start, watch, stop, and find leftovers."""

import fcntl
import os
import random
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import BinaryIO

_LEASH = Path(__file__).with_name("leash.py")
#: Below the range from which the kernel takes ports for outgoing connections, so that a server
#: that is restarted finds its port free.
_PORTS = range(20_000, 30_000)
_HELD: deque[int] = deque()
#: More than one platform needs; a test run starts hundreds of servers in one process.
_HOLD_AT_MOST = 64


class ServerError(RuntimeError):
    """A server could not be started or stopped; the text says what an operator can do."""


@dataclass(frozen=True, slots=True)
class RunAs:
    """The user a child runs under."""

    uid: int
    gid: int


@dataclass(frozen=True, slots=True)
class ChildSpec:
    """How to run a child. `stop_signal` is also what the kernel sends when the platform dies."""

    name: str
    command: Sequence[str]
    log: Path
    stop_signal: signal.Signals = signal.SIGTERM
    environment: Mapping[str, str] | None = None
    run_as: RunAs | None = None
    folder: Path | None = None


@dataclass(slots=True)
class Child:
    """A started child process."""

    spec: ChildSpec
    process: subprocess.Popen[bytes]
    started: float = field(default_factory=time.monotonic)

    @property
    def pid(self) -> int:
        """The server's own process id (the leash becomes the server)."""
        return self.process.pid

    @property
    def running(self) -> bool:
        """Whether it still runs; also reaps it when it does not."""
        return self.process.poll() is None

    def stop(self, grace: float = 20.0) -> None:
        """Ask it to end, wait `grace` seconds, then kill; returns when it is gone."""
        if self.running:
            self.process.send_signal(self.spec.stop_signal)
            with suppress(subprocess.TimeoutExpired):
                self.process.wait(grace)
        if self.running:
            self.process.kill()
        self.process.wait()


def spawn(spec: ChildSpec) -> Child:
    """Start a child that the kernel stops when the CALLING THREAD ends.

    The death signal belongs to the thread that forks: call this from one that lives as long as
    the child should, never from a pool.
    """
    user = spec.run_as or RunAs(os.geteuid(), os.getegid())
    leash = [sys.executable, "-I", "-S", str(_LEASH), str(int(spec.stop_signal))]
    leash += [str(os.getpid()), str(user.uid), str(user.gid), "--", *spec.command]
    spec.log.parent.mkdir(parents=True, exist_ok=True)
    with open_private(spec.log, append=True) as log:
        process = subprocess.Popen(
            leash,
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=subprocess.STDOUT,
            env=None if spec.environment is None else dict(spec.environment),
            cwd=spec.folder or "/",
            # Its own group: Ctrl-C in a terminal reaches the platform alone, which stops in order.
            process_group=0,
        )
    return Child(spec, process)


def started(child: Child | None) -> Child:
    """The child, which must have been spawned."""
    if child is None:
        raise ServerError("the server was not started")
    return child


def wait_until(ready: Callable[[], bool], child: Child | None, timeout: float = 30.0) -> None:
    """Poll until `ready` says so; ServerError with the log's tail when the child ends or stalls."""
    child = started(child)
    end = time.monotonic() + timeout
    while not ready():
        if not child.running:
            raise ServerError(f"{child.spec.name} ended at start:\n{log_tail(child.spec.log)}")
        if time.monotonic() > end:
            raise ServerError(f"{child.spec.name} is not ready:\n{log_tail(child.spec.log)}")
        time.sleep(0.01)


def log_tail(log: Path, lines: int = 8) -> str:
    """The last lines of a log, for an error message."""
    text = log.read_bytes()[-4096:].decode(errors="replace") if log.exists() else ""
    return "\n".join(text.splitlines()[-lines:])


def free_port(preferred: int = 0) -> int:
    """`preferred` if nothing listens there (ServerError otherwise), or any free port for 0.

    Until this process ends no other platform on this machine is given the same one: seconds pass
    before the server listens that it is meant for.
    """
    if preferred:
        if not _can_bind(preferred):
            raise ServerError(f"port {preferred} on 127.0.0.1 is in use: choose another one")
        return preferred
    for port in random.sample(_PORTS, min(200, len(_PORTS))):
        if _reserved(port) and _can_bind(port):
            return port
    raise ServerError("no free port on 127.0.0.1")


def _reserved(port: int) -> bool:
    """Take the port's lock, which ends with this process at the latest; False when it is taken."""
    folder = Path(tempfile.gettempdir()) / f"siraba-ports-{os.geteuid()}"
    folder.mkdir(mode=0o700, exist_ok=True)
    lock = os.open(folder / str(port), os.O_CREAT | os.O_RDWR | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(lock)
        return False
    _HELD.append(lock)
    if len(_HELD) > _HOLD_AT_MOST:
        os.close(_HELD.popleft())
    return True


def end_leftover(pid: int, marker: str, signal_number: signal.Signals) -> bool:
    """Stop process `pid` if its command line or environment holds `marker`; True when it does.

    Only ever called under the state folder's lock: whoever started it is dead.
    """
    if not _holds(pid, marker):
        return False
    for send in (signal_number, signal.SIGKILL):
        with suppress(ProcessLookupError):
            os.kill(pid, send)
        if _gone(pid, marker, timeout=15.0):
            return True
    raise ServerError(f"process {pid} of an earlier run does not end")


def wait_for_none_in(folder: Path, timeout: float = 15.0) -> None:
    """Wait until no process has `folder` as its working directory; ServerError when one stays."""
    end = time.monotonic() + timeout
    while _works_in(folder):
        if time.monotonic() > end:
            raise ServerError(f"a process of an earlier run still works in {folder}")
        time.sleep(0.05)


def open_private(path: Path, *, append: bool) -> BinaryIO:
    """Open a file that only its owner can read."""
    flags = os.O_WRONLY | os.O_CREAT | (os.O_APPEND if append else os.O_TRUNC)
    return os.fdopen(os.open(path, flags, 0o600), "ab" if append else "wb")


def _gone(pid: int, marker: str, *, timeout: float) -> bool:
    end = time.monotonic() + timeout
    while _holds(pid, marker):
        if time.monotonic() > end:
            return False
        time.sleep(0.05)
    return True


def _holds(pid: int, marker: str) -> bool:
    """Whether a living process was started with `marker`; a number alone may be another's by now."""
    for name in ("cmdline", "environ"):
        with suppress(OSError):
            if marker in Path(f"/proc/{pid}/{name}").read_bytes().decode(errors="replace"):
                return True
    return False


def _works_in(folder: Path) -> bool:
    for link in Path("/proc").glob("[0-9]*/cwd"):
        with suppress(OSError):
            if link.readlink() == folder:
                return True
    return False


def _can_bind(port: int) -> bool:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
        return True
