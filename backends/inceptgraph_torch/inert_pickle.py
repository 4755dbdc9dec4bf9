"""Pickles to plain data. What a pickle names is never imported, and never called.

A module as ``torch.load`` takes one for its ``pickle_module``. :mod:`pickletools` splits a stream
into opcodes; what they do is here, over a stack of plain values. A global is its name, and what
would be made by calling it is a :class:`Stub`, apart from tensors and a few containers, which
functions of this file make.
"""

from __future__ import annotations

import pickletools
from collections.abc import Callable
from dataclasses import dataclass
from pickle import UnpicklingError
from typing import IO, Any

import torch
from torch import Tensor

__all__ = ["Code", "Pickled", "Stub", "Unpickler", "load"]


class Code(Exception):
    """A pickle names what runs programs: it is no file of weights, whatever else it holds."""


@dataclass(frozen=True, slots=True)
class _Global:
    """A class or a function, of which there is only the name."""

    name: str


class Stub(dict[Any, Any]):
    """What a pickle would have made by a call: its items where it had any, and nothing else.

    Attributes:
        kind: the name of what would have been called.
    """

    def __init__(self, kind: str) -> None:
        super().__init__()
        self.kind = kind

    def __hash__(self) -> int:  # type: ignore[override]  # an object may be a key
        return id(self)

    def __eq__(self, other: object) -> bool:
        return self is other


@dataclass(frozen=True)
class Pickled:
    """The content of a pickle.

    Attributes:
        data: tensors, numbers, text, containers and stubs.
        stubs: the names of what stubs stand for, each once.
    """

    data: Any
    stubs: tuple[str, ...]


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
    return lambda *arguments: Stub(kind)


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

_LITERALS = frozenset(
    {"INT", "BININT", "BININT1", "BININT2", "LONG", "LONG1", "LONG4", "FLOAT", "BINFLOAT"}
    | {"STRING", "BINSTRING", "SHORT_BINSTRING", "BINBYTES", "SHORT_BINBYTES", "BINBYTES8"}
    | {"BYTEARRAY8"}
    | {"UNICODE", "BINUNICODE", "SHORT_BINUNICODE", "BINUNICODE8"}
)
"""Opcodes whose argument is the value."""

_FRESH: dict[str, Callable[[], Any]] = {
    "NONE": lambda: None,
    "NEWTRUE": lambda: True,
    "NEWFALSE": lambda: False,
    "EMPTY_LIST": list,
    "EMPTY_DICT": dict,
    "EMPTY_TUPLE": tuple,
    "EMPTY_SET": list,
}


class Unpickler:
    """A reader of one pickle of a stream.

    Args:
        file: with ``read`` and ``readline``.
        options: those of :class:`pickle.Unpickler`, which mean nothing here.
    """

    persistent_load: Callable[[Any], Any]

    def __init__(self, file: IO[bytes], **options: Any) -> None:
        self._file = file
        self._stack: list[Any] = []
        self._below: list[list[Any]] = []
        self._memo: dict[int, Any] = {}
        self._stubs: dict[str, None] = {}

    def load(self) -> Pickled:
        """What the pickle holds.

        Raises:
            Code: it names what runs programs.
            Exception: it is broken, in any way that there is.
        """
        for opcode, argument, _ in pickletools.genops(self._file):
            name = opcode.name
            if name in _LITERALS:
                self._push(argument)
            elif name in _FRESH:
                self._push(_FRESH[name]())
            elif name == "STOP":
                return Pickled(self._stack.pop(), tuple(self._stubs))
            elif name not in ("PROTO", "FRAME"):
                _STEPS[name](self, argument)
        raise UnpicklingError("a pickle that does not stop")

    def find_class(self, module: str, name: str) -> Any:
        """The name of a global, or what stands for it. ``torch.load`` adds storages."""
        module = {"__builtin__": "builtins", "copy_reg": "copyreg"}.get(module, module)
        full = f"{module}.{name}"
        if module.partition(".")[0] in _RUNS or (module == "builtins" and name in _RUNS_BUILT_IN):
            raise Code(full)
        return _CONSTANTS.get(full) or _Global(full)

    # -- the stack -----------------------------------------------------------------------------

    def _push(self, value: Any) -> None:
        self._stack.append(value)

    def _mark(self, _: Any) -> None:
        self._below.append(self._stack)
        self._stack = []

    def _since_mark(self) -> list[Any]:
        items, self._stack = self._stack, self._below.pop()
        return items

    def _pop(self, _: Any) -> None:
        if self._stack:
            self._stack.pop()
        else:
            self._since_mark()

    def _put(self, index: int | None) -> None:
        self._memo[len(self._memo) if index is None else index] = self._stack[-1]

    def _get(self, index: int) -> None:
        self._push(self._memo[index])

    def _tuple(self, count: int | None) -> None:
        if count is None:
            self._push(tuple(self._since_mark()))
        else:
            self._stack[-count:] = [tuple(self._stack[-count:])]

    # -- containers ----------------------------------------------------------------------------

    def _extend(self, items: list[Any]) -> None:
        if isinstance(self._stack[-1], list):
            self._stack[-1].extend(items)

    def _set(self, items: list[Any]) -> None:
        if isinstance(self._stack[-1], dict):
            self._stack[-1].update(zip(items[::2], items[1::2], strict=True))

    def _append(self, _: Any) -> None:
        self._extend([self._stack.pop()])

    def _set_item(self, _: Any) -> None:
        value, key = self._stack.pop(), self._stack.pop()
        self._set([key, value])

    def _dict(self, _: Any) -> None:
        items = self._since_mark()
        self._push({})
        self._set(items)

    def _frozen(self, _: Any) -> None:
        self._tuple(None)

    # -- what would be calls -------------------------------------------------------------------

    def _global(self, named: str) -> None:
        module, _, name = named.partition(" ")
        self._push(self.find_class(module, name))

    def _stack_global(self, _: Any) -> None:
        name, module = self._stack.pop(), self._stack.pop()
        if not isinstance(name, str) or not isinstance(module, str):
            raise UnpicklingError("a global without a name")
        self._push(self.find_class(module, name))

    def _call(self, what: Any, arguments: Any) -> None:
        if not isinstance(what, _Global):
            raise UnpicklingError("a call of what is no global")
        if what.name == "torch._tensor._rebuild_from_type_v2":  # a tensor that has attributes
            what, _, arguments, *_ = arguments
            return self._call(what, arguments)
        if what.name == "copyreg._reconstructor":  # how objects were kept before protocol 2
            return self._call(arguments[0], ())
        make = _MADE.get(what.name)
        if make is None:
            self._stubs[what.name] = None
        self._push(make(*arguments) if make else Stub(what.name))
        return None

    def _reduce(self, _: Any) -> None:
        arguments, what = self._stack.pop(), self._stack.pop()
        self._call(what, arguments)

    def _reduce_with_keywords(self, _: Any) -> None:
        self._stack.pop()
        self._reduce(_)

    def _instance(self, named: str) -> None:
        self._since_mark()
        self._global(named)
        self._call(self._stack.pop(), ())

    def _object(self, _: Any) -> None:
        self._call(self._since_mark()[0], ())

    def _persistent(self, _: Any) -> None:
        what = self._stack.pop()
        if not isinstance(what, tuple):
            raise UnpicklingError("a storage without a place")
        # a class, with the text of its program: torch before 1.6 kept it for whole modules
        kept = what[1] if what[0] == "module" else self.persistent_load(what)
        self._push(kept)


_STEPS: dict[str, Callable[[Unpickler, Any], None]] = {
    "MARK": Unpickler._mark,
    "POP": Unpickler._pop,
    "POP_MARK": lambda reader, _: reader._since_mark().clear(),
    "DUP": lambda reader, _: reader._push(reader._stack[-1]),
    "PUT": Unpickler._put,
    "BINPUT": Unpickler._put,
    "LONG_BINPUT": Unpickler._put,
    "MEMOIZE": Unpickler._put,
    "GET": Unpickler._get,
    "BINGET": Unpickler._get,
    "LONG_BINGET": Unpickler._get,
    "TUPLE": Unpickler._tuple,
    "TUPLE1": lambda reader, _: reader._tuple(1),
    "TUPLE2": lambda reader, _: reader._tuple(2),
    "TUPLE3": lambda reader, _: reader._tuple(3),
    "LIST": lambda reader, _: reader._push(reader._since_mark()),
    "DICT": Unpickler._dict,
    "FROZENSET": Unpickler._frozen,
    "APPEND": Unpickler._append,
    "APPENDS": lambda reader, _: reader._extend(reader._since_mark()),
    "ADDITEMS": lambda reader, _: reader._extend(reader._since_mark()),
    "SETITEM": Unpickler._set_item,
    "SETITEMS": lambda reader, _: reader._set(reader._since_mark()),
    "GLOBAL": Unpickler._global,
    "STACK_GLOBAL": Unpickler._stack_global,
    "REDUCE": Unpickler._reduce,
    "NEWOBJ": Unpickler._reduce,
    "NEWOBJ_EX": Unpickler._reduce_with_keywords,
    "INST": Unpickler._instance,
    "OBJ": Unpickler._object,
    "BUILD": lambda reader, _: reader._stack.__delitem__(-1),  # what an object held stays unread
    "BINPERSID": Unpickler._persistent,
}  # fmt: skip
"""What an opcode does; one that is not here makes a pickle a broken one."""


def load(file: IO[bytes], **options: Any) -> Any:
    """The data of one pickle, as :func:`pickle.load` gives it."""
    return Unpickler(file).load().data
