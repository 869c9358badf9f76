"""Standard input, output and error: what a parent closed of them is opened, to nowhere."""

from __future__ import annotations

import os
import sys


def open_closed_streams() -> None:
    """Open what is closed of the three, here and in processes started later: the next file would get its number."""
    for number in range(3):
        try:
            os.fstat(number)
        except OSError:
            os.set_inheritable(os.open(os.devnull, os.O_RDWR), True)  # the lowest free number
    for number, (name, mode) in enumerate((("stdin", "r"), ("stdout", "w"), ("stderr", "w"))):
        if getattr(sys, name) is None:
            setattr(sys, name, open(number, mode, closefd=False))  # noqa: SIM115  # for as long as the process lives
        if getattr(sys, f"__{name}__") is None:  # pytest, which collects suite files, reads this one
            setattr(sys, f"__{name}__", getattr(sys, name))
