"""The language: what a spec may say, read into frozen parts."""

from inceptgraph.spec._deciding import parameters_that_count
from inceptgraph.spec._environment import NoExtent, used_values
from inceptgraph.spec._expect_form import COUNTS
from inceptgraph.spec._library import SUFFIXES, Kind, locate, shipped
from inceptgraph.spec._load import load, load_library
from inceptgraph.spec._models import (
    Block,
    Body,
    Chain,
    Classes,
    Fork,
    Head,
    Param,
    Result,
    Spec,
    Step,
)
from inceptgraph.spec._override import apply as override
from inceptgraph.spec._resolve import is_library, resolve
from inceptgraph.spec._resolved_text import (
    edited_text,
    named_paths,
    whole_text,
    without_expectations,
)
from inceptgraph.spec._sections import DEFAULT_OUTPUT, FREE_KEYS, free_size, shape_keys
from inceptgraph.spec._signatures import check_arguments, find_operation, operation_exists
from inceptgraph.spec._structure import NAME, kind_of, listed, need_text, read_keys, read_mapping
from inceptgraph.spec._values import (
    FAILED,
    TYPES,
    Unavailable,
    ValueProblem,
    describe,
    evaluate,
    fits,
    is_fraction,
    references,
)

__all__ = [
    "COUNTS",
    "DEFAULT_OUTPUT",
    "FAILED",
    "FREE_KEYS",
    "NAME",
    "SUFFIXES",
    "TYPES",
    "Block",
    "Body",
    "Chain",
    "Classes",
    "Fork",
    "Head",
    "Kind",
    "NoExtent",
    "Param",
    "Result",
    "Spec",
    "Step",
    "Unavailable",
    "ValueProblem",
    "check_arguments",
    "describe",
    "edited_text",
    "evaluate",
    "find_operation",
    "fits",
    "free_size",
    "is_fraction",
    "is_library",
    "kind_of",
    "listed",
    "load",
    "load_library",
    "locate",
    "named_paths",
    "need_text",
    "operation_exists",
    "override",
    "parameters_that_count",
    "read_keys",
    "read_mapping",
    "references",
    "resolve",
    "shape_keys",
    "shipped",
    "used_values",
    "whole_text",
    "without_expectations",
]
