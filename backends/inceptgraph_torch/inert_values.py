"""What a pickle may make: tensors, plain containers, and stubs of all else."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pickle import UnpicklingError
from typing import Any

import torch
from torch import Tensor

__all__ = ["Code", "Global", "Stub", "find", "make"]


class Code(Exception):
    """A pickle names what runs programs: it is no file of weights, whatever else it holds."""


@dataclass(frozen=True, slots=True)
class Global:
    """A class or a function, of which there is only the name."""

    name: str


class Stub(dict[Any, Any]):
    """What a pickle would have made by a call: its items where it had any, and nothing else.

    Attributes:
        kind: the name of what would have been called.
        is_tensor: whether that is a tensor of a kind that no network has.
    """

    def __init__(self, kind: str, is_tensor: bool = False) -> None:
        super().__init__()
        self.kind, self.is_tensor = kind, is_tensor

    def __hash__(self) -> int:  # type: ignore[override]  # an object may be a key
        return id(self)

    def __eq__(self, other: object) -> bool:
        return self is other


_RUNS = frozenset(
    {"os", "posix", "nt", "sys", "subprocess", "multiprocessing", "runpy", "importlib", "pty"}
    | {"socket", "shutil", "ctypes", "code", "pickle", "webbrowser"}
)
"""Modules that nothing needs in a file of weights: they start programs, or load them."""
_RUNS_BUILT_IN = frozenset({"eval", "exec", "compile", "__import__", "open", "input"})


def _tensor(storage: Any, offset: int, size: Any, stride: Any, *rest: Any) -> Tensor:
    return _view(storage, offset, size, stride, storage.dtype)


def _tensor_of_dtype(
    storage: Any, offset: int, size: Any, stride: Any, grad: Any, hooks: Any, dtype: Any, *rest: Any
) -> Tensor:
    return _view(storage, offset, size, stride, dtype)


def _view(storage: Any, offset: int, size: Any, stride: Any, dtype: torch.dtype) -> Tensor:
    if not isinstance(storage, torch.storage.TypedStorage) or not isinstance(dtype, torch.dtype):
        raise UnpicklingError("a tensor without numbers")
    empty = torch.empty(0, dtype=dtype)
    untyped: torch.UntypedStorage = storage.untyped()  # type: ignore[no-untyped-call]
    return empty.set_(untyped, offset, size, stride)


def _first(first: Any, *rest: Any) -> Any:
    return first


def _list(items: Any = ()) -> list[Any]:
    return list(items) if isinstance(items, (list, tuple)) else []


def _tuple(items: Any = ()) -> tuple[Any, ...]:
    return tuple(_list(items))


def _dict(items: Any = ()) -> dict[Any, Any]:
    return dict(items) if isinstance(items, (list, tuple, dict)) else {}


def _other(kind: str) -> Callable[..., Stub]:
    return lambda *arguments: Stub(kind, is_tensor=True)


_MADE: dict[str, Callable[..., Any]] = {
    "torch._utils._rebuild_tensor": _tensor,
    "torch._utils._rebuild_tensor_v2": _tensor,
    "torch._utils._rebuild_tensor_v3": _tensor_of_dtype,
    "torch._utils._rebuild_parameter": _first,
    "torch._utils._rebuild_parameter_with_state": _first,
    "torch.nn.parameter.Parameter": _first,
    "torch._utils._rebuild_sparse_tensor": _other("sparse"),
    "torch._utils._rebuild_qtensor": _other("quantized"),
    "torch._utils._rebuild_meta_tensor_no_storage": _other("meta"),
    "torch.serialization._get_layout": _first,
    "torch.device": _first,
    "torch.Size": _tuple,
    "collections.OrderedDict": _dict,
    "collections.defaultdict": _dict,
    "collections.Counter": _dict,
    "builtins.set": _list,
    "builtins.frozenset": _tuple,
    "builtins.list": _list,
    "builtins.tuple": _tuple,
    "builtins.dict": _dict,
    "builtins.bytearray": _first,
    "builtins.bytes": lambda *arguments: b"",  # empty ones alone are kept so
    "_codecs.encode": _first,
}
"""What becomes more than a stub, and the function of ours that makes it."""

_CONSTANTS: dict[str, Any] = {
    f"torch.{name}": value for name, value in vars(torch).items() if isinstance(value, torch.dtype)
} | {"torch.storage.UntypedStorage": torch.UntypedStorage}
"""Globals that stand for themselves: ``torch.load`` asks storages for their type."""


def find(module: str, name: str) -> Any:
    """What stands for a global: its name, or itself where it is a type of numbers.

    Raises:
        Code: it runs programs.
    """
    module = {"__builtin__": "builtins", "copy_reg": "copyreg"}.get(module, module)
    full = f"{module}.{name}"
    if module.partition(".")[0] in _RUNS or (module == "builtins" and name in _RUNS_BUILT_IN):
        raise Code(full)
    return _CONSTANTS.get(full) or Global(full)


def make(what: Any, arguments: Any) -> Any:
    """What a call of a global would make: a tensor, a plain container, or a stub.

    Raises:
        Exception: the arguments are none, in any way that there is.
    """
    if not isinstance(what, Global):
        raise UnpicklingError("a call of what is no global")
    if what.name == "torch._tensor._rebuild_from_type_v2":  # a tensor that has attributes
        return make(arguments[0], arguments[2])
    if what.name == "copyreg._reconstructor":  # how objects were kept before protocol 2
        return make(arguments[0], ())
    if (made := _MADE.get(what.name)) is not None:
        return made(*arguments)
    return Stub(what.name)
