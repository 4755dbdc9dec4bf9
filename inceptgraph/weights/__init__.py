"""Weights from elsewhere: which tensor of a file is which of a network's.

This package works on names and shapes alone. A backend reads the numbers.
"""

from inceptgraph.weights._allowed import Allowed
from inceptgraph.weights._contents import Contents, WeightsFile
from inceptgraph.weights._file_formats import Format, refuse
from inceptgraph.weights._fit_report import not_finite, warn_not_finite
from inceptgraph.weights._fitted import Fitted
from inceptgraph.weights._fitting import fit_entries, fit_file, load
from inceptgraph.weights._json import to_json
from inceptgraph.weights._match import Fit, Pair
from inceptgraph.weights._patterns import covers as covers

__all__ = [
    "Allowed",
    "Contents",
    "Fit",
    "Fitted",
    "Format",
    "Pair",
    "WeightsFile",
    "fit_entries",
    "fit_file",
    "load",
    "not_finite",
    "refuse",
    "to_json",
    "warn_not_finite",
]
