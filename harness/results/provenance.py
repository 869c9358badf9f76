"""Where and how a run was made: recorded beside every result, never part of a trial's key."""

from __future__ import annotations

import platform
import shlex
import subprocess
import sys
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from harness.machine import usable_cores

# The instruction sets that change which kernels oneDNN picks; other CPU flags are noise in a record.
_TELLING_FLAGS = ("avx2", "avx512f", "avx512_vnni", "avx512_bf16", "amx_tile", "amx_bf16", "asimd", "sve")


@dataclass(frozen=True)
class Provenance:
    """One run of one command on one machine.

    Attributes:
        command: As it was typed, with the program's path cut to its name.
        started_at: UTC, ISO 8601.
        host: Name of the machine.
        cpu: Model name of the processor.
        cpu_flags: Those of its instruction sets that matter to kernels.
        cores: Cores this process may use.
        memory_mib: Memory of the machine.
        system: Operating system and release.
        python: Version of Python.
        accelerator: Name of the accelerator, empty where there is none.
        driver: Its driver's version, empty where there is none.
        commit: Git commit of the working folder, empty outside a repository.
        dirty: Whether tracked files differed from that commit.
    """

    command: str
    started_at: str
    host: str
    cpu: str
    cpu_flags: tuple[str, ...]
    cores: int
    memory_mib: int
    system: str
    python: str
    accelerator: str = ""
    driver: str = ""
    commit: str = ""
    dirty: bool = False

    @property
    def machine(self) -> str:
        """What must be equal for two step times to be comparable: host, processor, cores and accelerator."""
        return f"{self.host}, {self.cpu}, {self.cores} cores" + (f", {self.accelerator}" if self.accelerator else "")


def collect_provenance(*, accelerator: str = "", driver: str = "") -> Provenance:
    """Look at this process, machine and working folder."""
    import psutil

    model, flags = _cpu()
    commit, dirty = _git_state()
    return Provenance(
        command=shlex.join([Path(sys.argv[0]).name, *sys.argv[1:]]),
        started_at=datetime.now(UTC).isoformat(timespec="seconds"),
        host=platform.node(),
        cpu=model,
        cpu_flags=flags,
        cores=usable_cores(),
        memory_mib=psutil.virtual_memory().total // 2**20,
        system=f"{platform.system()} {platform.release()}",
        python=platform.python_version(),
        accelerator=accelerator,
        driver=driver,
        commit=commit,
        dirty=dirty,
    )


def subprocess_output(*command: str, timeout_s: float = 10) -> str:
    """Return what a command prints, stripped; nothing where it is missing, fails, or takes longer than `timeout_s`."""
    try:
        answer = subprocess.run(command, capture_output=True, text=True, timeout=timeout_s, check=False)
    except (OSError, subprocess.TimeoutExpired):
        return ""
    return answer.stdout.strip() if answer.returncode == 0 else ""


def _cpu() -> tuple[str, tuple[str, ...]]:
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        return platform.processor() or platform.machine(), ()
    facts = {name.strip(): value.strip() for name, _, value in (line.partition(":") for line in lines)}
    known = set(facts.get("flags", facts.get("Features", "")).split())
    return facts.get("model name", platform.machine()), tuple(flag for flag in _TELLING_FLAGS if flag in known)


def _git_state() -> tuple[str, bool]:
    commit = subprocess_output("git", "rev-parse", "HEAD")
    return commit, bool(commit and subprocess_output("git", "status", "--porcelain", "--untracked-files=no"))
