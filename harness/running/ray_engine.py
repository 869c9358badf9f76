"""Trials on a Ray cluster: it is joined only where it is named, answers in time, and asks for a token."""

from __future__ import annotations

import contextlib
import importlib
import importlib.util
import ipaddress
import logging
import os
import queue
import socket
import subprocess
import sys
import threading
from collections.abc import Mapping
from concurrent.futures import Executor as Pool
from typing import Any

from harness.errors import InputError
from harness.files import expanded
from harness.running.executor import Executor, Work
from harness.running.node import serve
from harness.running.ray_actors import ActorPool
from harness.running.remote import RemoteExecutor, order_of
from harness.variants.user_code import describe

# A cluster that is there answers within a second; one that is not is waited for without end by Ray itself.
_ANSWER_S = 30.0
_JOIN_S = 60.0
# Asks a cluster who is in it, in a process of its own: a process knows one way of authentication, and may hang.
_PROBE = """
import sys
from ray.exceptions import AuthenticationError
from ray._raylet import GcsClient
try:
    GcsClient(address=sys.argv[1]).get_all_node_info(timeout=10)
    print("answered")
except AuthenticationError:
    print("refused")
"""
_DOCS = "see docs/scale.md"
_joined: list[str] = []  # the cluster that this process is in, as it was named


class RayEngine:
    """A Ray cluster of which this machine is a node.

    Args:
        address: HOST:PORT of its head.
        cpus, gpus: What an actor reserves.
        insecure: Whether a cluster that asks for no token will do.

    Raises:
        InputError: Ray is not installed, or no address is given.
    """

    def __init__(self, address: str | None, *, cpus: int, gpus: float, insecure: bool) -> None:
        if importlib.util.find_spec("ray") is None:
            raise InputError('--executor ray: Ray is not installed: pip install "cnn-harness[ray]"')
        host, _, port = (address or "").rpartition(":")
        if not address:
            raise InputError(
                "--executor ray needs --ray-address HOST:PORT, the head of your cluster (it is never searched for: "
                f"another one's cluster might be found); {_DOCS} for how to start one"
            )
        if ":" in host and "/" not in host:
            raise InputError(
                f'--ray-address is "{address}", an IPv6 address: use HOST:PORT with a name or an IPv4 address of the '
                "head, as in 10.0.0.5:6379"
            )
        if not host or "/" in address or not (port.isdecimal() and 0 < int(port) < 2**16):
            raise InputError(f'--ray-address is "{address}": use HOST:PORT, as in 10.0.0.5:6379')
        self._address, self._host, self._port = address, host, int(port)
        self._cpus, self._gpus, self._insecure = cpus, gpus, insecure

    def size(self, asked: int | None) -> int:
        """Return how many actors to start: as many as asked for, else as the cluster has room for.

        Raises:
            InputError: The cluster cannot be joined, or has too little.
        """
        self._join()
        import ray

        there = ray.cluster_resources()
        room = int(there.get("CPU", 0) // self._cpus)
        if self._gpus:
            room = min(room, int(there.get("GPU", 0) / self._gpus + 1e-9))
        if not room or (asked or 0) > room:
            what = f"{self._cpus} CPUs" + (f" and {self._gpus:g} GPUs" if self._gpus else "")
            raise InputError(
                f"the Ray cluster at {self._address} has room for {room} workers of {what} each"
                + (f", and --workers is {asked}" if asked else "")
                + f" (it has {there.get('CPU', 0):g} CPUs, {there.get('GPU', 0):g} GPUs)"
            )
        return asked or room

    def start(self, work: Work, workers: int) -> Executor:
        """Start actors; HarnessError where they do not come up, or are not what the trials need."""
        self._join()
        import ray

        order = order_of(work)

        def open_pool() -> Pool:
            self._join()  # again, where the cluster was left
            return ActorPool(workers, cpus=self._cpus, gpus=self._gpus, greeting=(serve, order), leave=_leave)

        return RemoteExecutor(order, workers=workers, open_pool=open_pool, log=work.log, send=ray.put)

    def _join(self) -> None:
        os.environ["RAY_USAGE_STATS_ENABLED"] = "0"
        os.environ["RAY_ENABLE_AUTO_CONNECT"] = "0"  # else a call after the end would search for a cluster or start one
        if "ray" in sys.modules and sys.modules["ray"].is_initialized():
            if _joined != [self._address]:
                raise InputError(
                    f"--ray-address {self._address}: this process is in another Ray cluster already, which some other "
                    "code has joined: leave that out, or end it with ray.shutdown()"
                )
            return
        try:
            socket.create_connection((self._host, self._port), timeout=_ANSWER_S).close()
        except OSError as error:
            raise InputError(f"--ray-address {self._address}: nothing answers there ({error}); {_DOCS}") from None
        with contextlib.ExitStack() as ending:
            probes = {mode: ending.enter_context(self._probe(mode)) for mode in ("disabled", *["token"] * _has_token())}
            for probe in probes.values():
                ending.callback(probe.kill)  # one that has not ended, where something is refused before
            try:
                importlib.import_module("ray")  # while they run
            except Exception as error:
                raise InputError(f"--executor ray: importing Ray failed: {describe(error)}") from None
            os.environ["RAY_AUTH_MODE"] = self._mode({mode: self._answer(probe) for mode, probe in probes.items()})
        outcome: queue.SimpleQueue[Exception | None] = queue.SimpleQueue()
        threading.Thread(target=self._connect, args=(outcome,), daemon=True).start()
        try:
            failure = outcome.get(timeout=_JOIN_S)
        except queue.Empty:
            raise InputError(f"joining {self._address} took longer than {_JOIN_S:g} s; {_DOCS}") from None
        if failure is not None:
            raise InputError(
                f"--ray-address {self._address}: {describe(failure)}; this machine must be a node of the cluster, and "
                f"its Ray and Python the same: {_DOCS}"
            )

    def _connect(self, outcome: queue.SimpleQueue[Exception | None]) -> None:
        # In a thread, where Ray leaves this process's signal handlers alone.
        import ray

        # Ray would take this machine's outer address for this node's.
        options: dict[str, Any] = {"_node_ip_address": self._host} if _is_loopback(self._host) else {}
        try:
            ray.init(address=self._address, log_to_driver=False, logging_level=logging.CRITICAL, **options)
            _joined[:] = [self._address]
            outcome.put(None)
        except Exception as error:
            outcome.put(error)

    def _mode(self, answers: Mapping[str, str]) -> str:
        """Return how to join: with a token, or without where the cluster wants none and that is allowed."""
        if answers["disabled"] == "answered":
            if self._insecure:
                return "disabled"
            raise InputError(
                f"the Ray cluster at {self._address} takes anybody's work without a token, from whoever reaches its "
                f"ports: start it with RAY_AUTH_MODE=token ({_DOCS}), or add --ray-insecure on a network of your own"
            )
        if "token" not in answers:
            raise InputError(
                f"the Ray cluster at {self._address} wants a token, and none is here: set RAY_AUTH_TOKEN_PATH to the "
                "file that its nodes were started with, or copy it to ~/.ray/auth_token"
            )
        if answers["token"] == "refused":
            raise InputError(f"the Ray cluster at {self._address} refuses the token that is here: it has another one")
        return "token"

    def _probe(self, mode: str) -> subprocess.Popen[str]:
        return subprocess.Popen(
            [sys.executable, "-c", _PROBE, self._address],
            env=os.environ | {"RAY_AUTH_MODE": mode},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    def _answer(self, probe: subprocess.Popen[str]) -> str:
        try:
            said, errors = probe.communicate(timeout=_ANSWER_S)
        except subprocess.TimeoutExpired:
            raise InputError(f"--ray-address {self._address}: no answer within {_ANSWER_S:g} s; {_DOCS}") from None
        if probe.returncode:
            last = (errors.strip().splitlines() or ["it says nothing"])[-1]
            raise InputError(f"--ray-address {self._address}: this is no Ray cluster that can be joined ({last})")
        return said.strip()


def _leave() -> None:
    import ray

    _joined.clear()
    ray.shutdown()


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def _has_token() -> bool:
    """Whether there is a token where Ray looks for one."""
    if os.environ.get("RAY_AUTH_TOKEN"):
        return True
    file = os.environ.get("RAY_AUTH_TOKEN_PATH") or "~/.ray/auth_token"
    return expanded(file).is_file()
