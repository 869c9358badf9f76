"""Any `concurrent.futures.Executor` as the engine: Dask's, Parsl's, mpi4py's, Python's own."""

from __future__ import annotations

import importlib
from concurrent.futures import Executor as Pool

from harness.errors import HarnessError, InputError, nearest
from harness.running.executor import Executor, Work
from harness.running.remote import RemoteExecutor, order_of
from harness.variants.sources import search_here
from harness.variants.user_code import describe


class FuturesEngine:
    """Any `concurrent.futures.Executor`, as a function of the user's returns it.

    Args:
        target: "module:function", called without arguments.

    Raises:
        InputError: Module or function is missing, or the module raises.
    """

    def __init__(self, target: str) -> None:
        self._target = target
        module_name, _, name = target.partition(":")
        search_here()
        try:
            module = importlib.import_module(module_name)
        except ModuleNotFoundError as error:
            where = "the current folder or among the installed packages"
            raise InputError(f'--executor {target}: there is no module "{error.name}" in {where}') from None
        except Exception as error:
            raise InputError(f"--executor {target}: importing it failed: {describe(error)}") from None
        self._function = getattr(module, name, None)
        if not callable(self._function):
            known = [one for one, value in vars(module).items() if callable(value) and not one.startswith("_")]
            raise InputError(f'--executor {target}: there is no function "{name}"{nearest(name, known)}')

    def size(self, asked: int | None) -> int:
        """Return how many trials run at once: what was asked for."""
        if asked is None:
            raise InputError(f"--executor {self._target} needs --workers N: how many trials it is to run at once")
        return asked

    def start(self, work: Work, workers: int) -> Executor:
        """Start the engine; HarnessError where no process of it can train."""
        return RemoteExecutor(order_of(work), workers=workers, open_pool=self._open, log=work.log)

    def _open(self) -> Pool:
        try:
            pool = self._function()  # type: ignore[misc]
        except HarnessError:
            raise
        except Exception as error:
            raise HarnessError(f"--executor {self._target} failed: {describe(error)}") from None
        if not callable(getattr(pool, "submit", None)):
            kind = type(pool).__name__
            raise InputError(f"--executor {self._target} returned {kind}: return a concurrent.futures.Executor")
        return pool  # type: ignore[no-any-return]
