"""What is recorded, as TensorBoard reads it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from inceptgraph.diagnostics import Code, Diagnostic, SpecError

__all__ = ["Events", "require_tensorboard"]


def require_tensorboard() -> None:
    """Refuse to write events without the package.

    Raises:
        SpecError: it is not installed.
    """
    if find_spec("tensorboard") is None:
        hint = "pip install tensorboard"
        raise SpecError([Diagnostic(Code.BAD_OPTION, "TensorBoard is not installed", help=hint)])


class Events:
    """A folder of events, begun anew at the first step that is added: steps that are made again
    replace those that were there."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._writer: Any = None

    def add(self, record: Mapping[str, Any]) -> None:
        """Add a line of ``metrics.jsonl``."""
        if self._writer is None:
            from torch.utils.tensorboard import SummaryWriter

            self._writer = SummaryWriter(str(self._folder), purge_step=record["step"])
        for name, value in _scalars(record):
            self._writer.add_scalar(name, value, record["step"])
        self._writer.flush()


def _scalars(record: Mapping[str, Any], before: str = "train") -> Iterator[tuple[str, float]]:
    """Names, such as ``train/losses/aux1``, and their values."""
    for name, value in record.items():
        if isinstance(value, Mapping):
            below = name if name == "validation" else f"{before}/{name}"
            yield from _scalars(value, below)
        elif value is not None and name not in ("step", "epoch"):
            yield f"{before}/{name}", value
