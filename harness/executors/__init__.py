"""Executors: where a trial runs. Each has `run(trial) -> Record`, called from several threads at once."""

from harness.executors.base import Executor, ExecutorStopped
from harness.executors.in_process import InProcessExecutor
from harness.executors.pool import PoolExecutor, pool_size
from harness.executors.timing_processes import TimingProcesses

__all__ = ["Executor", "ExecutorStopped", "InProcessExecutor", "PoolExecutor", "TimingProcesses", "pool_size"]
