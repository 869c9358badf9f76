"""Charts as pure functions: records, matrices or rows in, an Altair chart out; `save_chart` makes files of them."""

from harness.charts.blocks import blocks_chart
from harness.charts.classes import ClassAccuracy, class_accuracies, classes_chart
from harness.charts.confusion import confusion_chart, confusion_matrix
from harness.charts.curves import curve_rows, curves_chart, meeting_epoch, seed_curves
from harness.charts.fields import Point, are_crossed, effects_chart
from harness.charts.pareto import pareto_chart
from harness.charts.save import chart_svg, save_chart

__all__ = [
    "ClassAccuracy",
    "Point",
    "are_crossed",
    "blocks_chart",
    "chart_svg",
    "class_accuracies",
    "classes_chart",
    "confusion_chart",
    "confusion_matrix",
    "curve_rows",
    "curves_chart",
    "effects_chart",
    "meeting_epoch",
    "pareto_chart",
    "save_chart",
    "seed_curves",
]
