"""`--executor ray` on two local nodes, each fault made for real: speed beside the pool, kills, tokens, versions, ports.

    python benchmarks/ray_cluster.py --repeats 5

needs `pip install "cnn-harness[ray]"`. It starts a cluster of its own in a temporary folder, on 127.0.0.2 and 127.0.0.3
(Linux), then runs the five commands of docs/scale.md (the last ends every Ray of this user here), and prints a line for
each thing it tried; exit 1 where one is not as it should be. `--other PYTHON` names a Python with another keras, Ray
and this package: a node of it is refused.
"""

from __future__ import annotations

import argparse
import contextlib
import itertools
import os
import re
import secrets
import signal
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import psutil

from harness import load_results

ROOT = Path(__file__).parents[1]
SUITE = """
from harness import BASELINE, Suite

SUITE = Suite("small", [BASELINE.replace(dropout=0.3), BASELINE.replace(filters=(16, 32))])
"""
HEAD, OTHER = "127.0.0.2", "127.0.0.3"
PATIENCE_S = 900
PORTS = itertools.count(6410)
BIN = Path(sys.executable).parent


class Cluster:
    """A head and a node, one CPU each, in a folder of their own."""

    def __init__(self, folder: Path, *, token: bool = True) -> None:
        self.folder, self.address = Path(tempfile.mkdtemp(prefix="r", dir="/tmp")), f"{HEAD}:{next(PORTS)}"
        self.token = folder / f"token-{next(PORTS)}"
        self.token.write_text(secrets.token_hex(32))
        self.environment = os.environ | {
            "RAY_USAGE_STATS_ENABLED": "0",
            "RAY_worker_niceness": "0",
            "PYTHONPATH": str(ROOT),
        }
        self.environment |= {"RAY_AUTH_MODE": "token" if token else "disabled", "RAY_AUTH_TOKEN_PATH": str(self.token)}
        port = self.address.rpartition(":")[2]
        options = ("--port", port, "--include-dashboard=false", f"--temp-dir={self.folder}", "--num-cpus=1")
        self._start("--head", f"--node-ip-address={HEAD}", *options)
        self.join(BIN, OTHER)

    def join(self, place: Path, host: str) -> None:
        """Add a node of one CPU, of the Python in `place`."""
        self._start(f"--address={self.address}", f"--node-ip-address={host}", "--num-cpus=1", place=place)

    def processes(self, name: str = "") -> list[psutil.Process]:
        """Return the cluster's own processes whose command holds a name."""
        found = []
        for process in psutil.process_iter():
            with contextlib.suppress(psutil.Error):
                line = " ".join(process.cmdline())
                inside = str(self.folder) in line or str(self.folder) in " ".join(process.environ().values())
                if name in line and inside and process.pid != os.getpid():
                    found.append(process)
        return found

    def raylet(self, host: str) -> psutil.Process:
        """Return a node's own process."""
        return next(one for one in self.processes("raylet/raylet") if f"--node_ip_address={host}" in one.cmdline())

    def stop(self) -> None:
        """End all of it."""
        for process in self.processes():
            with contextlib.suppress(psutil.Error):
                process.kill()

    def _start(self, *options: str, place: Path = BIN) -> None:
        command = [str(place / "ray"), "start", *options, "--object-store-memory=200000000", "--disable-usage-stats"]
        subprocess.run(command, env=self.environment, check=True, timeout=120, stdout=subprocess.DEVNULL)


def start(folder: Path, cluster: Cluster | None, *more: str, **variables: str) -> subprocess.Popen[str]:
    """Start a sweep on a cluster, or in the local pool."""
    engine = ["--executor", "ray", "--ray-address", cluster.address] if cluster else ["--workers", "2"]
    return subprocess.Popen(
        [sys.executable, "-m", "harness", "sweep", "--device", "cpu", *engine, *more],
        cwd=folder,
        env=(cluster.environment if cluster else os.environ | {"PYTHONPATH": str(ROOT)}) | variables,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )


def end(process: subprocess.Popen[str], code: int = 0) -> str:
    """Wait for a sweep and return what it said."""
    said, _ = process.communicate(timeout=PATIENCE_S)
    assert process.returncode == code, f"exit {process.returncode} instead of {code}: {said[-3000:]}"
    return said


def records(folder: Path) -> dict[str, Any]:
    """Return what each trial gave, to the last bit."""
    return {
        key: (record.status, record.epoch, record.accuracy, record.loss, record.predictions.predicted.tobytes())
        for key, record in load_results(folder).records.items()
        if record.predictions is not None
    }


def workers() -> set[int]:
    """Return the processes that keep a worker of this Python."""
    found = set()
    for process in psutil.process_iter():
        with contextlib.suppress(psutil.Error):
            line = " ".join(process.cmdline())
            if line.startswith(str(BIN)) and "harness.running.keeper" in line:
                found.add(process.pid)
    return found


def done(folder: Path) -> int:
    """Return how many results a sweep has by now."""
    with contextlib.suppress(Exception):
        return len(load_results(folder).records)
    return 0


@contextlib.contextmanager
def cluster_in(folder: Path, **options: Any) -> Iterator[Cluster]:
    """Give a cluster, and end it."""
    cluster = Cluster(folder, **options)
    try:
        yield cluster
    finally:
        cluster.stop()


def speed(folder: Path, cluster: Cluster, repeats: int, work: tuple[str, ...]) -> float:
    """Print what pool and cluster take, in turns; return the ratio of the medians."""
    times: dict[str, list[float]] = {"pool": [], "ray": []}
    for number in range(repeats):
        for name in times:
            began = time.monotonic()
            end(start(folder, cluster if name == "ray" else None, *work, "--results", f"{name}-{number}"))
            times[name].append(time.monotonic() - began)
        assert records(folder / f"ray-{number}") == records(folder / f"pool-{number}")
    medians = {name: round(statistics.median(taken), 1) for name, taken in times.items()}
    shown = {name: [round(one, 1) for one in taken] for name, taken in times.items()}
    ratio, load = medians["pool"] / medians["ray"], os.getloadavg()[0]
    print(f"speed: medians {medians} s, ray is {ratio:.2f} of the pool; load {load:.0f}")
    print(f"       {shown}; all records equal, bit for bit", flush=True)
    return ratio


def kills(folder: Path, cluster: Cluster, work: tuple[str, ...]) -> None:
    """Kill three actors and a node in one sweep, and start another node: the records must be equal."""
    sweep = start(folder, cluster, *work, "--results", "killed")
    for number in (1, 3, 5):
        while (done(folder / "killed") < number or not actors()) and sweep.poll() is None:
            time.sleep(0.1)
        actors()[-1].kill()
    while done(folder / "killed") < 7 and sweep.poll() is None:
        time.sleep(0.1)
    assert sweep.poll() is None, "the sweep was over before its node was lost"
    cluster.raylet(OTHER).kill()
    end(sweep)
    assert records(folder / "killed") == records(folder / "pool-0")
    print(f"kills: 3 actors and a node killed -9 in mid-sweep: {done(folder / 'killed')} records, equal, each once")
    cluster.join(BIN, OTHER)


def actors() -> list[psutil.Process]:
    """Return the actors that are there."""
    return [one for one in psutil.process_iter() if _name(one).startswith("ray::Slot")]


def _name(process: psutil.Process) -> str:
    with contextlib.suppress(psutil.Error):
        return " ".join(process.cmdline())
    return ""


def endings(folder: Path, cluster: Cluster, work: tuple[str, ...]) -> None:
    """End the driver in mid-sweep: nothing may be left."""
    for number, code in ((signal.SIGINT, 2), (signal.SIGKILL, -9)):
        before = workers()
        sweep = start(folder, cluster, *work, "--results", f"ended-{number}")
        while not done(folder / f"ended-{number}") and sweep.poll() is None:
            time.sleep(0.1)
        assert actors()
        sweep.send_signal(number)
        began = time.monotonic()
        end(sweep, code)
        while actors() or workers() - before:
            assert time.monotonic() - began < PATIENCE_S, "something is left"
            time.sleep(0.1)
        kept = done(folder / f"ended-{number}")
        print(
            f"driver ended by {number.name}: nothing left after {time.monotonic() - began:.1f} s, {kept} records kept"
        )


def refusals(folder: Path, cluster: Cluster, work: tuple[str, ...]) -> None:
    """Come with a wrong token, none, to a cluster without one, and to nobody."""
    wrong = secrets.token_hex(32)
    told = end(start(folder, cluster, *work, RAY_AUTH_TOKEN=wrong, RAY_AUTH_TOKEN_PATH=""), 4)
    assert "refuses the token that is here" in told
    print(f"a wrong token: {told.strip()}")
    with cluster_in(folder, token=False) as opened:
        told = end(start(folder, opened, *work), 4)
        assert "takes anybody's work without a token" in told
        print(f"a cluster without a token: {told.strip()}")
        end(start(folder, opened, *work, "--ray-insecure", "--results", "insecure"))
        print("the same with --ray-insecure: done")


def other_versions(folder: Path, cluster: Cluster, python: Path, work: tuple[str, ...]) -> None:
    """Let a node of other versions join: the sweep must refuse it by name."""
    cluster.join(python.parent, "127.0.0.4")
    told = end(start(folder, cluster, *work, "--workers", "3", "--results", "other"), 4)
    assert "instead of" in told
    print(f"a node of other versions: {told.strip().splitlines()[-1]}")


def listening(cluster: Cluster) -> str:
    """Return what of the cluster listens where."""
    pids = {one.pid for one in cluster.processes()}
    lines = subprocess.run(["ss", "-ltnp"], capture_output=True, text=True, check=True).stdout.splitlines()
    found = [(line.split()[3], re.search(r'"(.*?)",pid=(\d+)', line)) for line in lines]
    return "\n".join(sorted(f"{place:32} {own[1]}" for place, own in found if own and int(own[2]) in pids))


def page(folder: Path) -> None:
    """Run the commands of docs/scale.md as they stand there."""
    text = (ROOT / "docs" / "scale.md").read_text(encoding="utf-8")
    block = re.search(r"<!-- five commands -->\s*```sh\n(.*?)```", text, re.DOTALL)
    assert block, "docs/scale.md has no five commands"
    folder = folder / "page"
    (folder / "suites").mkdir(parents=True)
    (folder / "suites/suite_small.py").write_text(SUITE)
    (folder / "pyproject.toml").write_text('[tool.harness]\nbudget = "smoke"\n')
    program = folder / "bin" / "harness"
    program.parent.mkdir()
    program.write_text(f'#!/bin/sh\nexec {sys.executable} -m harness "$@"\n')
    program.chmod(0o755)
    environment = os.environ | {"PATH": f"{program.parent}:{BIN}:{os.environ['PATH']}", "HOME": str(folder)}
    environment |= {"PYTHONPATH": str(ROOT), "RAY_worker_niceness": "0"}
    command = ["bash", "-ec", f"trap 'ray stop' EXIT\n{block[1]}"]
    ended = subprocess.run(
        command, cwd=folder, env=environment, capture_output=True, text=True, timeout=PATIENCE_S, check=False
    )
    assert ended.returncode == 0, ended.stdout[-3000:] + ended.stderr[-3000:]
    print("the five commands of docs/scale.md: done")


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--only", nargs="*", help="of: speed listening kills endings refusals versions page")
    parser.add_argument("--other", type=Path, help="a Python with another keras")
    options = parser.parse_args()
    work = ("--seeds", "5", "--epochs", "3")
    failures = []
    with tempfile.TemporaryDirectory() as place:
        folder = Path(place)
        (folder / "suites").mkdir()
        (folder / "suites/suite_small.py").write_text(SUITE)
        with cluster_in(folder) as cluster:
            steps: list[tuple[str, Callable[[], object]]] = [
                ("speed", lambda: speed(folder, cluster, options.repeats, work)),
                ("listening", lambda: print(f"listening:\n{listening(cluster)}")),
                ("kills", lambda: kills(folder, cluster, work)),
                ("endings", lambda: endings(folder, cluster, work)),
                ("refusals", lambda: refusals(folder, cluster, ("--budget", "smoke"))),
            ]
            if options.other:
                steps.append(("versions", lambda: other_versions(folder, cluster, options.other, work)))
            for name, step in steps:
                if options.only and name not in options.only:
                    continue
                try:
                    step()
                except (AssertionError, subprocess.SubprocessError, OSError) as error:
                    failures.append(name)
                    print(f"{name} FAILED: {error}")
                sys.stdout.flush()
        try:
            if not options.only or "page" in options.only:
                page(folder)
        except (AssertionError, subprocess.SubprocessError) as error:
            failures.append("page")
            print(f"page FAILED: {error}")
    print(f"failed: {', '.join(failures)}" if failures else "all as it should be")
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main())
