"""What a pickle may make: tensors, plain containers, and stubs of all else."""

from __future__ import annotations

from collections.abc import Callable, Hashable
from dataclasses import dataclass
from pickle import UnpicklingError
from typing import Any

import torch
from torch import Tensor

__all__ = ["Code", "Global", "Stub", "as_key", "find", "make"]


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

    def __repr__(self) -> str:
        return f"<{self.kind}>"  # what it holds may hold it twice, and so on


_RUNS = frozenset(
    {"os.system", "posix.system", "nt.system", "os.popen", "subprocess.Popen", "builtins.eval"}
    | {"builtins.exec"}
)
"""What starts programs. None would be called; a file that asks for it deserves no trust at all."""


def as_key(key: Any) -> Hashable:
    """A key of a mapping, and a stub in the place of one whose hash is that of what it holds: a
    tuple may be nested deeper than Python can go, or longer than anyone waits for."""
    plain = key is None or isinstance(key, (str, bytes, int, float, Stub, Global))
    long = isinstance(key, int) and key.bit_length() > 2000  # Python may write 640 digits
    return key if plain and not long else Stub(type(key).__name__)


def _tensor(
    storage: Any, offset: int, size: Any, stride: Any, grad: Any = None, *rest: Any
) -> Tensor:
    return _view(storage, offset, size, stride, storage.dtype, *rest[1:])


def _tensor_of_dtype(
    storage: Any, offset: int, size: Any, stride: Any, grad: Any, hooks: Any, *rest: Any
) -> Tensor:
    return _view(storage, offset, size, stride, *rest)


def _view(
    storage: Any, offset: int, size: Any, stride: Any, dtype: torch.dtype, bits: Any = None
) -> Tensor:
    """A tensor over a storage. Its bits say that its numbers are not those in the storage."""
    if not isinstance(storage, torch.storage.TypedStorage) or not isinstance(dtype, torch.dtype):
        raise UnpicklingError("a tensor without numbers")
    empty = torch.empty(0, dtype=dtype)
    untyped: torch.UntypedStorage = storage.untyped()  # type: ignore[no-untyped-call]
    tensor = empty.set_(untyped, offset, size, stride)
    bits = bits or {}
    tensor = tensor.conj() if bits.get("conj") else tensor
    return torch._neg_view(tensor) if bits.get("neg") else tensor


def _first(first: Any, *rest: Any) -> Any:
    return first


def _list(items: Any = ()) -> list[Any]:
    return list(items) if isinstance(items, (list, tuple)) else []


def _tuple(items: Any = ()) -> tuple[Any, ...]:
    return tuple(_list(items))


def _dict(items: Any = ()) -> dict[Any, Any]:
    pairs = items.items() if isinstance(items, dict) else _list(items)
    return {as_key(key): value for key, value in pairs}


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
    if full in _RUNS:
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
