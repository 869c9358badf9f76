"""What libraries warn of in their own code, hidden where we call them: nobody who runs a suite can act on it."""

from __future__ import annotations

import contextlib
import warnings
from collections.abc import Iterator


def hide_library_warnings() -> None:
    """Add filters to this process, before any that a project or Python's -W has set."""
    # TensorFlow's tensors with NumPy 2, at every conversion of a variable.
    warnings.filterwarnings("ignore", "__array__ implementation doesn't accept a copy keyword", DeprecationWarning)
    # keras-tuner still calls names of the threading module that Python has deprecated ...
    warnings.filterwarnings("ignore", category=DeprecationWarning, module="keras_tuner")
    # ... and takes the best of figures that are nan where a trial gave no result.
    warnings.filterwarnings("ignore", "All-NaN", RuntimeWarning)


@contextlib.contextmanager
def quiet_libraries() -> Iterator[None]:
    """Hide them for a while; also a decorator."""
    with warnings.catch_warnings():
        hide_library_warnings()
        yield
