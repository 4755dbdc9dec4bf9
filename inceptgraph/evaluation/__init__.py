"""Networks shown images: how often they are right, by which views, and what they find in one.

:func:`~inceptgraph.evaluation.evaluate` does it for data with labels,
:func:`~inceptgraph.evaluation.predict` for pictures. What reads images and runs networks is a
package of its own: see :class:`~inceptgraph.evaluation.Evaluator`.
"""

from inceptgraph.evaluation._classes import fit_classes
from inceptgraph.evaluation._evaluate import evaluate, predict
from inceptgraph.evaluation._evaluator import Answers, Data, Evaluator, Plan, find_evaluator
from inceptgraph.evaluation._model import Model
from inceptgraph.evaluation._open import is_spec, open_model
from inceptgraph.evaluation._picture import draw
from inceptgraph.evaluation._report import Class, Found, Report, Row
from inceptgraph.evaluation._scores import FEW, Details, Errors
from inceptgraph.evaluation._views import WAYS, Box, View, views

__all__ = [
    "FEW",
    "WAYS",
    "Answers",
    "Box",
    "Class",
    "Data",
    "Details",
    "Errors",
    "Evaluator",
    "Found",
    "Model",
    "Plan",
    "Report",
    "Row",
    "View",
    "draw",
    "evaluate",
    "find_evaluator",
    "fit_classes",
    "is_spec",
    "open_model",
    "predict",
    "views",
]
