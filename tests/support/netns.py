"""Two hosts made of network namespaces, with a cable between them that loses packets and can be unplugged.

Needs root, iproute2 and iptables; where one is missing the test is skipped, and says which. Nothing is left behind:
rules and cables go with their namespaces, and those go at the end, whatever happened.
"""

import os
import secrets
import shutil
import subprocess
from contextlib import suppress
from typing import Self

import pytest

__all__ = ["Lab"]


class Lab:
    """`master` and `workers` are namespaces: `master_host` is an address on the cable, `workers_host` one for us.

    A command runs in one of them with the words of `inside` before it. We reach what listens in that of the workers
    over a cable of our own, which loses nothing.
    """

    def __init__(self) -> None:
        high, low = secrets.token_bytes(2)
        tag, net = f"{high:02x}{low:02x}", f"10.{200 + high % 50}.{low}"  # several labs may be open at once
        self._cables = {name: f"{net}.{last}" for name, last in (("master", 1), ("far", 2), ("ours", 5), ("near", 6))}
        self.master_host, self.workers_host = self._cables["master"], self._cables["near"]
        self.master, self.workers = f"lt-m-{tag}", f"lt-w-{tag}"
        self._tag = tag
        self._cable = f"ltw{tag}"
        self._ours = f"lto{tag}"

    @staticmethod
    def inside(namespace: str) -> tuple[str, ...]:
        """What to put before a command so that it runs there."""
        return ("ip", "netns", "exec", namespace)

    def lose(self, share: float) -> None:
        """Drop this share of the packets, each way."""
        rule = ("-m", "statistic", "--mode", "random", "--probability", str(share), "-j", "DROP")
        _do(*self.inside(self.workers), "iptables", "-A", "INPUT", "-i", self._cable, *rule)
        _do(*self.inside(self.workers), "iptables", "-A", "OUTPUT", "-o", self._cable, *rule)

    def dropped(self) -> int:
        """How many packets the rules have dropped so far."""
        told = _do(*self.inside(self.workers), "iptables", "-L", "-v", "-n", "-x")
        return sum(int(line.split()[0]) for line in told.splitlines() if " DROP " in line)

    def unplug(self) -> None:
        """Take the link down. Connections stay, as TCP knows nothing of it."""
        _do("ip", "-n", self.workers, "link", "set", self._cable, "down")

    def plug_in(self) -> None:
        """Take it up again."""
        _do("ip", "-n", self.workers, "link", "set", self._cable, "up")

    def __enter__(self) -> Self:
        if os.geteuid() != 0:
            pytest.skip("network namespaces need root")
        for program in ("ip", "iptables"):
            if shutil.which(program) is None:
                pytest.skip(f"no {program}")
        try:
            for namespace in (self.master, self.workers):
                _do("ip", "netns", "add", namespace)
                _do("ip", "-n", namespace, "link", "set", "lo", "up")
            self._connect(
                (self.master, f"ltm{self._cable[3:]}", self.master_host),
                (self.workers, self._cable, self._cables["far"]),
            )
            self._connect(
                (None, self._ours, self._cables["ours"]), (self.workers, f"ltv{self._cable[3:]}", self.workers_host)
            )
        except subprocess.CalledProcessError as problem:
            self.__exit__()
            pytest.skip(f"no network namespaces here: {problem.stderr}")
        return self

    @staticmethod
    def _connect(*ends: tuple[str | None, str, str]) -> None:
        """A cable between two namespaces (None: ours): (namespace, link, address) of each end."""
        _do("ip", "link", "add", ends[0][1], "type", "veth", "peer", "name", ends[1][1])
        for namespace, link, address in ends:
            if namespace is not None:
                _do("ip", "link", "set", link, "netns", namespace)
            there = ("-n", namespace) if namespace is not None else ()
            _do("ip", *there, "addr", "add", f"{address}/30", "dev", link)
            _do("ip", *there, "link", "set", link, "up")

    def __exit__(self, *_: object) -> None:
        for namespace, link in ((self.workers, self._cable), (None, self._ours)):
            with suppress(subprocess.CalledProcessError):  # it was never made
                _do("ip", *(("-n", namespace) if namespace else ()), "link", "del", link)
        for namespace in (self.master, self.workers):
            with suppress(subprocess.CalledProcessError):
                _do("ip", "netns", "del", namespace)


def _do(*command: str) -> str:
    return subprocess.run(command, check=True, capture_output=True, text=True, timeout=20).stdout
