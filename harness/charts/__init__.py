"""Charts as pure functions: records, matrices or rows in, an Altair chart out; `save_chart` makes files of them."""

from harness.charts.confusion import confusion_chart, confusion_matrix
from harness.charts.curves import curve_rows, curves_chart, meeting_epoch
from harness.charts.save import chart_svg, save_chart

__all__ = [
    "chart_svg",
    "confusion_chart",
    "confusion_matrix",
    "curve_rows",
    "curves_chart",
    "meeting_epoch",
    "save_chart",
]
