"""The module of a part of a network that has a name."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

from torch import fx, nn

__all__ = ["Block"]

Module = TypeVar("Module", bound=nn.Module)


class Block(fx.GraphModule):
    """A stage, a block, a branch or a head of a network, with an fx graph of its own.

    It takes what its steps read from outside. It returns its result; where steps inside it are
    read from outside as well, a tuple of its result and of theirs, in their order. Neither depends
    on its mode, which is that of its layers alone.
    """

    def recompile(self) -> fx.graph.PythonCode:
        """Compile the graph's code."""
        code = super().recompile()
        own = type(self)
        # Torch gives each class a `__call__` around that of modules, which costs time in every
        # block of a network, and prints what it raises without the lines that raised it.
        if "__call__" in vars(own):
            del own.__call__
        return code

    # torch's own versions of these make a plain GraphModule

    def __copy__(self) -> Block:
        copied = _kind(self)(self, self._graph, type(self).__name__)
        return _with_modes(copied, _modes(self))

    def __deepcopy__(self, memo: dict[int, Any]) -> fx.GraphModule:
        copied = super().__deepcopy__(memo)
        type(copied).__name__ = type(self).__name__
        return _with_modes(copied, _modes(self))

    def __reduce__(self) -> tuple[Any, ...]:
        rebuild, arguments = super().__reduce__()
        return _restore, (_kind(self), rebuild, arguments, type(self).__name__, _modes(self))


def _kind(module: Block) -> type[Block]:
    """Its class, of which torch makes one more for each module, which cannot be imported."""
    return next(each for each in type(module).__mro__ if "<locals>" not in each.__qualname__)


def _restore(
    kind: type[Block],
    rebuild: Callable[..., fx.GraphModule],
    arguments: tuple[Any, ...],
    class_name: str,
    modes: dict[str, bool],
) -> Block:
    """A pickled module: torch brings back the graph."""
    rebuilt = rebuild(*arguments)
    return _with_modes(kind(rebuilt, rebuilt.graph, class_name), modes)


def _modes(module: nn.Module) -> dict[str, bool]:
    """The modes by all names: a copy may find a shared layer under another of them first."""
    parts = module.named_modules(remove_duplicate=False)
    return {name: part.training for name, part in parts}


def _with_modes(module: Module, modes: dict[str, bool]) -> Module:
    for name, part in module.named_modules(remove_duplicate=False):
        part.training = modes[name]
    return module
