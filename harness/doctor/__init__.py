"""The doctor: is this machine fit to train and to time, and what to do where it is not."""

from harness.doctor.check import Check, Status
from harness.doctor.examination import examine

__all__ = ["Check", "Status", "examine"]
