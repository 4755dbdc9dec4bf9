"""Settings: device, type of numbers, batch, and the rest of how a network is to run."""

from __future__ import annotations

import warnings
from dataclasses import dataclass, fields, replace
from typing import Any

from inceptgraph.arguments import FLAG, NUMBER, Kind, check
from inceptgraph.diagnostics import Code, Diagnostic, SpecError, did_you_mean

__all__ = ["DTYPES", "KINDS", "SHORT", "Setting"]

DTYPES = ("float32", "tf32", "bfloat16", "float16")
"""What an engine may compute in; ``tf32`` is float32 whose products a GPU may round to 10 bits."""

SHORT = {
    "f32": "float32",
    "fp32": "float32",
    "bf16": "bfloat16",
    "f16": "float16",
    "fp16": "float16",
}
"""What people write for some of :data:`DTYPES`."""

KINDS = {
    "device": Kind("a string, such as `cuda:1`, or a torch.device", (str,), ("torch.device",)),
    "dtype": Kind("a string, such as `bfloat16`, or a torch.dtype", (str,), ("torch.dtype",)),
    "batch": replace(NUMBER, told="a whole number of samples"),
    **dict.fromkeys(("train", "fixed", "autotune", "keep_memory"), FLAG),
}
"""What the fields of :class:`Setting` take."""


@dataclass(frozen=True, slots=True)
class Setting:
    """The setting that a network is to run in.

    Attributes:
        device: as torch names it: ``cpu``, ``cuda``, ``cuda:1``.
        dtype: what it computes in, one of :data:`DTYPES`.
        batch: samples at a time that it is made for; others run, too, unless ``fixed``.
        train: it is to be trained: passes that change weights are left out.
        fixed: no other batch ever comes, so that memory can be planned and CUDA graphs captured.
        autotune: take minutes: engines may try kernels, and ``auto`` times the engines.
        keep_memory: let the process keep memory that is freed, about 100 MB more; it saves engines
            that take it anew for each result a good part of their time at larger batches.

    Raises:
        SpecError: a value cannot be used.
        TypeError: a value has the wrong type.
    """

    device: str = "cpu"
    dtype: str = "float32"
    batch: int = 1
    train: bool = False
    fixed: bool = False
    autotune: bool = False
    keep_memory: bool = False

    def __post_init__(self) -> None:
        check(KINDS, {name: getattr(self, name) for name in KINDS})
        if self.dtype not in DTYPES:
            hint = did_you_mean(self.dtype, DTYPES) or f"use {', '.join(DTYPES)}"
            raise _refused(f"no engine computes in `{self.dtype}`", hint)
        if self.batch < 1:
            raise _refused(f"a batch of {self.batch} holds no sample", "use 1 or more")

    @classmethod
    def of(cls, *, device: Any = None, dtype: Any = None, **more: Any) -> Setting:
        """A setting from what a user gives.

        Args:
            device: a string, or ``torch.device`` (default: the CPU).
            dtype: a string, or ``torch.dtype`` (default: float32).
            more: the rest.

        Raises:
            SpecError: a value cannot be used.
            TypeError: there is no such setting, or a value has the wrong type.
        """
        known = [each.name for each in fields(cls)]
        for name in more:
            if name not in known:
                raise TypeError(f"an engine has no option `{name}`: it has {', '.join(known)}")
        places = {"device": device, "dtype": dtype}
        check(KINDS, {name: value for name, value in places.items() if value is not None})
        word = "float32" if dtype is None else str(dtype).removeprefix("torch.")
        # torch numbers the one CPU, too
        place = "cpu" if device is None or str(device) == "cpu:0" else str(device)
        return cls(device=place, dtype=SHORT.get(word, word), **more)

    def check_batch(self, batch: int) -> None:
        """Refuse samples that what was made for a fixed batch does not take.

        Raises:
            ValueError: the batch is fixed, and another one.
        """
        if self.fixed and batch != self.batch:
            message = f"compiled for {self.batch} samples at a time, got {batch}"
            raise ValueError(f"{message}: compile it without `fixed` for any number")

    def mode(self, training: bool) -> bool:
        """The mode that a module goes into when its ``train`` is called.

        What was made for inference stays in evaluation, with a warning: its weights are folded, or
        in no form that could be trained. It does not raise, as ``train`` of an exported program
        does: a larger model that holds it switches all of its parts, and the others do train.

        Args:
            training: the mode that is wanted.
        """
        if training and not self.train:
            told = "a network that was compiled for inference stays in evaluation"
            # of the line that called ``train`` of the module
            warnings.warn(f"{told}: compile it with `train=True` to train it", stacklevel=3)
        return training and self.train

    @property
    def on_gpu(self) -> bool:
        return self.device.startswith("cuda")

    def __str__(self) -> str:
        doing = "training" if self.train else "inference"
        return f"{doing} on {self.device} in {self.dtype}, {self.batch} at a time"


def _refused(message: str, help: str) -> SpecError:
    return SpecError([Diagnostic(Code.BAD_OPTION, message, help=help)])
