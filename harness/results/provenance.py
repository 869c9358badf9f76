"""Where and how a run was made: recorded beside every result, never part of a trial's key."""

from __future__ import annotations

import dataclasses
import platform
import shlex
import subprocess
import sys
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from harness.machine import usable_cores
from harness.results.reading import check_range, parse_json, read_as, refuse
from harness.results.variables import telling
from harness.results.writing import to_json

# The instruction sets that change which kernels oneDNN picks; other CPU flags are noise in a record.
_TELLING_FLAGS = ("avx2", "avx512f", "avx512_vnni", "avx512_bf16", "amx_tile", "amx_bf16", "asimd", "sve")


COMPUTE_CAPABILITY = "compute_capability"


# A machine whose clock was never set is some hours into 1970, which not every system's functions of time take.
_EARLIEST = datetime(1971, 1, 1, tzinfo=UTC)


@dataclass(frozen=True)
class Gpu:
    """One GPU and the libraries that drive it, as the process that is to train on it finds them.

    Attributes:
        name: Of the card.
        uuid: Which card of that name.
        compute_capability: Its instruction set, as in 9.0.
        visible: What CUDA_VISIBLE_DEVICES must be for a process that is to see this GPU alone.
        cuda, cudnn: Versions of the libraries that are loaded, empty where they do not say.
        tf32: Whether float32 products may be rounded to TF32.
        xla: Whether XLA compiles the training step.
    """

    name: str
    uuid: str
    compute_capability: str
    visible: str = "0"
    cuda: str = ""
    cudnn: str = ""
    tf32: bool = False
    xla: bool = False

    @property
    def arithmetic(self) -> tuple[tuple[str, str], ...]:
        """What of it decides the bits of weights, as part of a trial's key: names and values, sorted."""
        return ("TF32", "on" if self.tf32 else "off"), (COMPUTE_CAPABILITY, self.compute_capability)

    def __str__(self) -> str:
        libraries = [f"{name} {version}" for name, version in (("CUDA", self.cuda), ("cuDNN", self.cudnn)) if version]
        switches = [f"{name} {'on' if on else 'off'}" for name, on in (("TF32", self.tf32), ("XLA", self.xla))]
        return ", ".join([self.name, self.uuid, f"compute capability {self.compute_capability}", *libraries, *switches])


@dataclass(frozen=True)
class Hardware:
    """The machine that trained, and its system; as of `Provenance`, where each is explained."""

    host: str
    cpu: str
    cpu_flags: tuple[str, ...]
    cores: int
    memory_mib: int
    system: str
    python: str
    accelerator: str = ""
    driver: str = ""
    gpus: tuple[Gpu, ...] = ()


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
        gpus: The GPUs that trials ran on, the first of which timed steps; empty on a CPU.
        commit: Git commit of the working folder, empty outside a repository.
        dirty: Whether tracked files differed from that commit.
        variables: Name and value of the environment's variables that change numbers or speed.
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
    gpus: tuple[Gpu, ...] = ()
    variables: tuple[tuple[str, str], ...] = ()

    def to_json(self) -> str:
        """Return everything as JSON."""
        return to_json(dataclasses.asdict(self))

    @classmethod
    def from_json(cls, text: str) -> Provenance:
        """Read what the store keeps of a run; InputError says what of it is wrong."""
        run = read_as(cls, parse_json(text), "run")
        try:
            started = datetime.fromisoformat(run.started_at)
        except ValueError:
            refuse("run.started_at", run.started_at, "a time of ISO 8601")
        check_range("the year of run.started_at", started.year, _EARLIEST.year, 2999)
        return run

    def on(self, hardware: Hardware) -> Provenance:
        """Return what this command did on another machine than its own."""
        return dataclasses.replace(self, **vars(hardware))

    @property
    def machine(self) -> str:
        """What must be equal for two step times to be comparable: host, processor, cores and accelerator.

        A GPU's own identity stands in for the host, whose name is another in every container.
        """
        if self.gpus:
            return f"{self.gpus[0].name} ({self.gpus[0].uuid[:12]}), {self.cpu}, {self.cores} cores"
        return f"{self.host}, {self.cpu}, {self.cores} cores" + (f", {self.accelerator}" if self.accelerator else "")


def collect_provenance(*, gpus: tuple[Gpu, ...] = (), driver: str = "") -> Provenance:
    """Look at this process, machine and working folder."""
    commit, dirty = _git_state()
    return Provenance(
        command=shlex.join([_program(), *sys.argv[1:]]),
        started_at=max(datetime.now(UTC), _EARLIEST).isoformat(timespec="seconds"),
        **vars(collect_hardware(gpus=gpus, driver=driver)),
        variables=telling(),
        commit=commit,
        dirty=dirty,
    )


def collect_hardware(*, gpus: tuple[Gpu, ...] = (), driver: str = "") -> Hardware:
    """Look at this machine."""
    import psutil

    model, flags = _cpu()
    return Hardware(
        host=platform.node(),
        cpu=model,
        cpu_flags=flags,
        cores=usable_cores(),
        memory_mib=psutil.virtual_memory().total // 2**20,
        system=f"{platform.system()} {platform.release()}",
        python=platform.python_version(),
        accelerator=", ".join(gpu.name for gpu in gpus),
        driver=driver,
        gpus=gpus,
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
    except OSError:  # pragma: no cover - only Linux has it
        return platform.processor() or platform.machine(), ()
    facts = {name.strip(): value.strip() for name, _, value in (line.partition(":") for line in lines)}
    known = set(facts.get("flags", facts.get("Features", "")).split())
    return facts.get("model name", platform.machine()), tuple(flag for flag in _TELLING_FLAGS if flag in known)


def _program() -> str:
    """Return what was called, as one would call it again: `python -m pytest` runs pytest/__main__.py."""
    path = Path(sys.argv[0])
    return path.parent.name if path.name == "__main__.py" else path.name


def cpu_flags() -> tuple[str, ...]:
    """Return this machine's instruction sets that change the last bits of what is computed."""
    return _cpu()[1]


def _git_state() -> tuple[str, bool]:
    commit = subprocess_output("git", "rev-parse", "HEAD")
    return commit, bool(commit and subprocess_output("git", "status", "--porcelain", "--untracked-files=no"))
