"""A container engine for tests: whether one answers, and our image built on it."""

import os
import shutil
import socket
import subprocess
from collections.abc import Sequence
from contextlib import closing
from pathlib import Path

from deploy.service_process import ServiceProcess

ROOT = Path(__file__).parents[1]
IMAGE = "localhost/siraba:tests"
NO_PODMAN = "no podman beside a container engine that answers at CONTAINER_HOST"


def engine_answers() -> bool:
    """Docker's own client leaves a socket open when nobody answers, so this asks by itself."""
    host = os.environ.get("DOCKER_HOST", "unix:///var/run/docker.sock")
    if not host.startswith("unix://"):
        return True
    with closing(socket.socket(socket.AF_UNIX)) as probe:
        return probe.connect_ex(host.removeprefix("unix://")) == 0


def podman_answers() -> bool:
    """Whether images can be built."""
    return (
        "CONTAINER_HOST" in os.environ and engine_answers() and shutil.which("podman") is not None
    )


def podman(*arguments: str, check: bool = True) -> subprocess.CompletedProcess[str]:
    """Ask the engine; its own words are in the failure."""
    done = subprocess.run(
        ["podman", "--remote", *arguments], capture_output=True, text=True, check=False, cwd=ROOT
    )
    assert not check or done.returncode == 0, done.stderr[-2000:] + done.stdout[-2000:]
    return done


def in_image(*command: str, check: bool = True) -> subprocess.CompletedProcess[str]:
    """Run a command in a container of our image, as docs/deploy.md says."""
    rules = ("--rm", "--read-only", "--network", "host", "--entrypoint", command[0])
    return podman("run", *rules, IMAGE, *command[1:], check=check)


def build_image() -> None:
    """Build it; what did not change since the last time is taken from the engine's cache."""
    rules = ("--isolation", "chroot", "--network", "host", "--format", "docker", "--quiet")
    podman("build", *rules, "--tag", IMAGE, "--file", "deploy/image/Containerfile", ".")


class ServiceInContainer(ServiceProcess):
    """A service in a container of our image: another user, a root it cannot write, its secrets."""

    def command(self) -> Sequence[str]:
        """Names of settings alone: their values go through the environment."""
        told = [name for name in self.environment() if name.startswith("SIRABA_")]
        told_where = (self.environment()[f"SIRABA_{name}_DIR"] for name in ("SECRETS", "VAULT"))
        kept = [f"--volume={folder}:{folder}:ro,U" for folder in told_where]
        return [
            shutil.which("podman") or "podman", "--remote", "run", "--rm", "--read-only", "--network", "host",
            "--name", self._container, *kept, *(f"--env={name}" for name in told), IMAGE, "run", self.name,
        ]  # fmt: skip

    def stop(self) -> None:
        """End the container, and with it the client that shows its log."""
        podman("stop", "--ignore", "--time", "25", self._container)
        super().stop()

    @property
    def _container(self) -> str:
        return f"siraba-{self.name}-{self.port}"
