"""Which engine runs the trials: the one that `--executor` names."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from harness.running.executor import Engine, Executor, Work
from harness.running.fork_server import ForkServer
from harness.running.worker_pool import PoolExecutor, pool_size
from harness.training.devices import Device


@dataclass(frozen=True)
class EngineSettings:
    """What a person asks for.

    Attributes:
        name: local, ray, or "module:function".
        address: HOST:PORT of a Ray cluster.
        cpus, gpus: What Ray reserves for a worker; None for one GPU where a GPU trains.
        insecure: Whether to go into a Ray cluster that asks nobody for a token.
    """

    name: str = "local"
    address: str | None = None
    cpus: int = 1
    gpus: float | None = None
    insecure: bool = False

    @classmethod
    def of(cls, values: Mapping[str, Any]) -> EngineSettings:
        """Return what the values of `harness.options.JOB` ask for."""
        names = ("ray_address", "ray_cpus", "ray_gpus", "ray_insecure")
        return cls(values["executor"], *(values[name] for name in names))


class LocalEngine:
    """This machine's own processes."""

    def __init__(self, device: Device, data_mib: float, server: ForkServer | None) -> None:
        self._device = device
        self._data_mib = data_mib
        self._server = server

    def size(self, asked: int | None) -> int:
        """Return how many workers to start."""
        return pool_size(self._data_mib, self._device, asked, forked=self._server is not None)

    def start(self, work: Work, workers: int) -> Executor:
        """Start them."""
        return PoolExecutor(
            work.dataset,
            work.environment,
            workers=workers,
            timeout_s=work.timeout_s,
            memory_mib=work.memory_mib,
            log=work.log,
            checkpoints=work.checkpoints,
            gpus=work.gpus,
            server=self._server,
        )


def choose_engine(
    settings: EngineSettings, device: Device, data_mib: float, server: ForkServer | None = None
) -> Engine:
    """Return the engine that is asked for; `data_mib` is the size of the training images, `server` forks local workers.

    Raises:
        InputError: It is not installed, not there, or not allowed.
    """
    if settings.name == "local":
        return LocalEngine(device, data_mib, server)
    if settings.name == "ray":
        from harness.running.ray_engine import RayEngine

        gpus = (1.0 if settings.gpus is None else settings.gpus) if device.kind == "gpu" else 0.0
        return RayEngine(settings.address, cpus=settings.cpus, gpus=gpus, insecure=settings.insecure)
    from harness.running.futures_engine import FuturesEngine

    return FuturesEngine(settings.name)
