"""Networks made for a test: a hub where the engines listen, one namespace for each service."""

import ctypes
import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from tests.trust.faults import Fault, need, ran

_NEW_NETWORK = 0x40000000
_IP = "/usr/sbin/ip"
_ROUTE_LOCALNET = "/proc/sys/net/ipv4/conf/all/route_localnet"


@dataclass(frozen=True, slots=True)
class Link:
    """A service's namespace and its two addresses: its own and the hub's."""

    namespace: str
    own: str
    hub: str

    def run(self, *command: str) -> list[str]:
        """The command line that runs this inside the namespace, as the same process."""
        return [_IP, "netns", "exec", self.namespace, *command]


@contextmanager
def networks(names: Sequence[str]) -> Iterator[dict[str, Link]]:
    """The calling thread, and what it starts, is in a hub of its own while the block runs.

    The hub's loopback servers can be reached from each namespace at its own loopback address: a
    service keeps no line in the clear to any other.
    """
    need("iproute2", "iptables")
    home = os.open("/proc/thread-self/ns/net", os.O_RDONLY)
    links = {
        name: Link(f"siraba-{os.getpid()}-{name}", f"10.231.{nth}.2", f"10.231.{nth}.1")
        for nth, name in enumerate(names, start=1)
    }
    try:
        _unshare()
        _open_hub()
        for nth, link in enumerate(links.values(), start=1):
            _connect(link, f"veth{nth}")
        yield links
    finally:
        _enter(home)
        os.close(home)
        for link in links.values():
            if Path("/run/netns", link.namespace).exists():
                ran("ip", "netns", "delete", link.namespace)


class Partition(Fault):
    """Packets between a service and one port of the hub vanish.

    ways: "both", "out" (what the service says is not heard) or "in" (what it is told).
    """

    def __init__(self, link: Link, port: int, *, ways: str = "both") -> None:
        out = ("--source", link.own, "--protocol", "tcp", "--dport", str(port))
        back = ("--protocol", "tcp", "--sport", str(port))
        self._rules: list[tuple[list[str], tuple[str, ...]]] = []
        if ways in ("both", "out"):
            self._rules.append(([], out))
        if ways in ("both", "in"):
            self._rules.append((link.run(), back))
        self._active = 0

    def start(self) -> None:
        """Drop from now on, on connections old and new; nobody is told."""
        for rule in self._rules:
            self._change("--insert", rule)
            self._active += 1

    def stop(self) -> None:
        """Let everything through again."""
        for rule in self._rules[: self._active]:
            self._change("--delete", rule)
        self._active = 0

    def _change(self, verb: str, rule: tuple[list[str], tuple[str, ...]]) -> None:
        place, matches = rule
        ran(*place, "iptables", "--wait", verb, "INPUT", *matches, "--jump", "DROP")


def _open_hub() -> None:
    ran("ip", "link", "set", "lo", "up")
    # The engines listen on loopback only, in tests as in life; the hub hands packets on to them.
    Path(_ROUTE_LOCALNET).write_text("1")
    hand_on = ("--protocol", "tcp", "--jump", "DNAT", "--to-destination", "127.0.0.1")
    ran("iptables", "--wait", "--table", "nat", "--append", "PREROUTING", *hand_on)


def _connect(link: Link, name: str) -> None:
    ran("ip", "netns", "add", link.namespace)
    ran("ip", "link", "add", name, "type", "veth", "peer", "name", "eth0", "netns", link.namespace)
    ran("ip", "address", "add", f"{link.hub}/30", "dev", name)
    ran("ip", "link", "set", name, "up")
    ran(*link.run("ip", "address", "add", f"{link.own}/30", "dev", "eth0"))
    for device in ("lo", "eth0"):
        ran(*link.run("ip", "link", "set", device, "up"))
    ran(*link.run("sh", "-c", f"echo 1 > {_ROUTE_LOCALNET}"))
    nat = ("iptables", "--wait", "--table", "nat", "--append")
    to_hub = ("--destination", "127.0.0.1", "--jump", "DNAT", "--to-destination", link.hub)
    ran(*link.run(*nat, "OUTPUT", "--protocol", "tcp", *to_hub))
    ran(*link.run(*nat, "POSTROUTING", "--out-interface", "eth0", "--jump", "MASQUERADE"))


def _unshare() -> None:
    _checked(ctypes.CDLL(None, use_errno=True).unshare(_NEW_NETWORK), "unshare")


def _enter(namespace: int) -> None:
    _checked(ctypes.CDLL(None, use_errno=True).setns(namespace, _NEW_NETWORK), "setns")


def _checked(result: int, call: str) -> None:
    if result != 0:
        raise OSError(ctypes.get_errno(), call)
