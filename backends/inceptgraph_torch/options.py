"""Options for weights: where they live, of what type they are and how they start."""

from __future__ import annotations

from dataclasses import replace

import torch

from inceptgraph.arguments import FLAG, NUMBER
from inceptgraph.diagnostics import Code, Diagnostic, SpecError

__all__ = ["KINDS", "read_device", "read_dtype"]

KINDS = {
    "seed": replace(NUMBER, optional=True),
    "channels_last": FLAG,
    "initialized": FLAG,
    "flat": FLAG,
}
"""What the other options take."""


def read_device(device: torch.device | str | None) -> torch.device:
    """A device that this machine has (default: torch's default).

    Raises:
        SpecError: there is no such device here.
    """
    try:
        found = torch.device(torch.get_default_device() if device is None else device)
    except (RuntimeError, TypeError) as error:  # torch lists all that it has ever known
        raise _no_device(device, "torch knows none of this name") from error
    try:
        torch.empty(0, device=found)
    except (RuntimeError, AssertionError) as error:
        # torch goes on about its build and its bug tracker; the first sentence says it
        raise _no_device(device, str(error).partition("\n")[0].partition(". ")[0]) from error
    return found


def _no_device(device: torch.device | str | None, reason: str) -> SpecError:
    usable = "cpu and cuda" if torch.cuda.is_available() else "cpu"
    message = f"the device `{device}` cannot be used: {reason}"
    return SpecError([Diagnostic(Code.BAD_OPTION, message, help=f"here there is {usable}")])


def read_dtype(dtype: torch.dtype | str | None) -> torch.dtype:
    """A type that weights can have (default: torch's default).

    Raises:
        SpecError: it is not a floating-point dtype.
    """
    found = getattr(torch, dtype, None) if isinstance(dtype, str) else dtype
    found = torch.get_default_dtype() if dtype is None else found
    if not isinstance(found, torch.dtype) or not found.is_floating_point:
        message = f"weights cannot be of the dtype `{dtype}`"
        hint = "use float32, bfloat16, float16 or float64"
        raise SpecError([Diagnostic(Code.BAD_OPTION, message, help=hint)])
    return found
