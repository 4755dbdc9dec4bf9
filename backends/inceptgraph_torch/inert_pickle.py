"""Pickles to plain data. What a pickle names is never imported, and never called.

A module as ``torch.load`` takes one for its ``pickle_module``. :mod:`pickletools` splits a stream
into opcodes; what they do is here, over a stack of plain values. A global is its name, and what
would be made by calling it is what :func:`~inceptgraph_torch.inert_values.make` has for it.
"""

from __future__ import annotations

import pickletools
from collections.abc import Callable
from dataclasses import dataclass
from pickle import UnpicklingError
from typing import IO, Any

from inceptgraph_torch.inert_values import Stub, as_key, find, make

__all__ = ["Pickled", "Unpickler", "load"]


@dataclass(frozen=True)
class Pickled:
    """The content of a pickle.

    Attributes:
        data: tensors, numbers, text, containers and stubs.
        stubs: the names of what stubs stand for, each once.
    """

    data: Any
    stubs: tuple[str, ...]


_LITERALS = frozenset(
    {"INT", "BININT", "BININT1", "BININT2", "LONG", "LONG1", "LONG4", "FLOAT", "BINFLOAT"}
    | {"STRING", "BINSTRING", "SHORT_BINSTRING", "BINBYTES", "SHORT_BINBYTES", "BINBYTES8"}
    | {"UNICODE", "BINUNICODE", "SHORT_BINUNICODE", "BINUNICODE8", "BYTEARRAY8"}
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
        """What stands for a global. ``torch.load`` adds storages."""
        return find(module, name)

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
            keys = map(as_key, items[::2])
            self._stack[-1].update(zip(keys, items[1::2], strict=True))

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
        made = make(what, arguments)
        if isinstance(made, Stub) and not made.is_tensor:
            self._stubs[made.kind] = None
        self._push(made)

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
        if not all(map(_is_flat, what[:1] + what[2:])):  # torch looks them up, and shows them
            raise UnpicklingError("a storage whose place is no text")
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


def _is_flat(part: Any) -> bool:
    """Whether it is a number or text, or a tuple of them."""
    parts = part if isinstance(part, tuple) else (part,)
    return all(each is None or isinstance(each, (str, bytes, int)) for each in parts)


def load(file: IO[bytes], **options: Any) -> Any:
    """One of the small pickles in a file by ``torch.save`` before 1.6: a number, or keys.

    Raises:
        Exception: it is broken, or nests what torch would look up or show.
    """
    data = Unpickler(file).load().data
    if isinstance(data, dict):
        return {}  # of the machine that wrote the file, which torch does not read
    if not all(map(_is_flat, data if isinstance(data, list) else [data])):
        raise UnpicklingError("keys that are no text")
    return data
