"""Networks of other packages, by name."""

from __future__ import annotations

from collections.abc import Callable
from functools import reduce
from importlib import import_module
from typing import Any

from inceptgraph.diagnostics import Code, Diagnostic, SpecError, did_you_mean

__all__ = ["find_peer"]


def find_peer(name: str) -> Callable[[], Any]:
    """A function that makes a peer. Imports its package, which runs that package's code.

    Args:
        name: ``package:name``. The name is looked up in the package, then in its ``models``, where
            torchvision and timm have theirs: ``torchvision:googlenet``.

    Raises:
        SpecError: there is no such package or nothing of this name in it, or it is not callable.
    """
    package, colon, path = name.partition(":")
    if not colon or not package or not path:
        raise _error(f"`{name}` is not `package:name`", "such as torchvision:googlenet")
    homes = [_imported(package, name)]
    try:
        homes.append(import_module(f"{package}.models"))
    except ModuleNotFoundError as error:
        if error.name != f"{package}.models":
            raise _broken(name, error) from error
    except Exception as error:  # a package may fail in any way
        raise _broken(name, error) from error
    for home in homes:
        try:
            found = reduce(getattr, path.split("."), home)
        except AttributeError:
            continue
        if callable(found):
            return found  # type: ignore[no-any-return]
    known = [each for home in homes for each in vars(home) if callable(getattr(home, each))]
    message = f"`{package}` has no `{path}` that can be called"
    raise _error(message, did_you_mean(path, known))


def _imported(package: str, name: str) -> Any:
    try:
        return import_module(package)
    except Exception as error:  # a package may fail in any way
        raise _broken(name, error) from error


def _broken(name: str, error: Exception) -> SpecError:
    message = f"the peer `{name}` cannot be imported: {type(error).__name__}: {error}"
    return _error(message, "install it, or name a module that Python finds")


def _error(message: str, help: str | None) -> SpecError:
    return SpecError([Diagnostic(Code.BAD_OPTION, message, help=help)])
