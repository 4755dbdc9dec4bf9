"""A file or standard input to text."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import NamedTuple

from inceptgraph.diagnostics import Code, Findings, Source, Span, did_you_mean

__all__ = ["MAX_BYTES", "SPEC", "Kind", "names_in", "read"]

MAX_BYTES = 64 * 2**20


class Kind(NamedTuple):
    """What a text is to be.

    Attributes:
        noun: as messages call it.
        start: where one comes from.
        beside: what to do instead of naming a folder, after "name a file in it, or".
    """

    noun: str
    start: str
    beside: str


SPEC = Kind(
    "spec",
    "`inceptgraph init` writes a first spec to start from",
    "check them all: inceptgraph check {}",
)

_MODELS = {
    ".prototxt": "a network of Caffe",
    ".cfg": "a network of Darknet",
    ".py": "a Python program",
    ".keras": "a model of Keras",
    ".h5": "a model of Keras",
    ".onnx": "an ONNX model",
    ".pb": "a graph of TensorFlow",
    ".tflite": "a model of TensorFlow Lite",
    ".pt2": "a program of torch.export",
    ".xml": "an XML file, such as OpenVINO's models",
    **dict.fromkeys((".svg", ".png", ".pdf", ".dot"), "a picture"),
}
_WEIGHTS = {
    ".caffemodel": "weights of Caffe",
    ".safetensors": "weights",
    ".pth": "weights of PyTorch",
    ".pt": "weights of PyTorch",
    ".ckpt": "weights of a training run",
}
"""By the ending of a name, what people take for a spec."""

_SPEC_KEYS = (b'"stages"', b'"extends"', b'"blocks"', b'"input"', b'"inputs"')


def read(path: str | Path, findings: Findings, kind: Kind = SPEC) -> Source | None:
    """Read the text of a spec or of another kind; ``-`` is standard input. Says why where it
    cannot."""
    name = "<stdin>" if str(path) == "-" else str(path)
    where = Span(Source(name, ""), 0, 0, 0, 0)
    try:
        data = _bytes(path)
    except FileNotFoundError:
        hint = did_you_mean(os.path.basename(name), names_in(os.path.dirname(name)))
        findings.add(Code.FILE_NOT_FOUND, f"there is no file `{name}`", where, help=hint)
        return None
    except IsADirectoryError:
        hint = f"name a file in it, or {kind.beside.format(name)}"
        message = f"`{name}` is a directory, not a {kind.noun}"
        findings.add(Code.NOT_A_FILE, message, where, help=hint)
        return None
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or str(error)
        findings.add(Code.NOT_A_FILE, f"`{name}` cannot be read: {reason}", where)
        return None
    if len(data) > MAX_BYTES:
        message = f"`{name}` is larger than {MAX_BYTES // 2**20} MiB"
        hint = "a network of a thousand layers takes less than one: is this the right file?"
        findings.add(Code.TOO_LARGE, message, where, help=hint)
        return None
    return _text(data, name, where, findings, kind)


def _bytes(path: str | Path) -> bytes:
    if str(path) == "-":
        return sys.stdin.buffer.read(MAX_BYTES + 1)
    with open(path, "rb") as file:
        return file.read(MAX_BYTES + 1)


def names_in(folder: str | Path) -> list[str]:
    """The names in a folder, which a user may have meant; none where it cannot be read."""
    try:
        return os.listdir(folder or ".")
    except (OSError, ValueError):
        return []


def _is_something_else(data: bytes, name: str, where: Span, findings: Findings, kind: Kind) -> bool:
    """Whether a file is another tool's, by its name; says so, and what to do."""
    suffix = os.path.splitext(name)[1].lower()
    if suffix == ".cfg" and not data.lstrip().startswith(b"["):
        return False  # a word that people give to settings of any kind
    hint = f"a {kind.noun} is written in YAML: {kind.start}"
    if suffix in _WEIGHTS:
        hint = f"weights go into the network of a spec: `inceptgraph weights SPEC {name}`"
    what = _MODELS.get(suffix) or _WEIGHTS.get(suffix)
    if kind is SPEC and suffix == ".json" and not any(key in data for key in _SPEC_KEYS):
        what, hint = "JSON without any key of a spec", f"{hint}, and JSON is YAML"
    if what is not None:
        message = f"`{name}` is {what}, not a {kind.noun}"
        findings.add(Code.NOT_TEXT, message, where, help=hint)
    return what is not None


def _text(data: bytes, name: str, where: Span, findings: Findings, kind: Kind) -> Source | None:
    if _is_something_else(data, name, where, findings, kind):
        return None
    zero = data.find(0)
    if zero >= 0:
        message = f"`{name}` is a binary file: byte {zero} is zero"
        help = f"a {kind.noun} is a text file in UTF-8"
        findings.add(Code.NOT_TEXT, message, where, help=help)
        return None
    try:
        return Source(name, data.decode("utf-8-sig"))
    except UnicodeDecodeError as error:
        before = data[: error.start]
        line = before.count(b"\n") + 1
        message = f"`{name}` is not UTF-8: byte 0x{data[error.start]:02x} in line {line}"
        hint = "save it as UTF-8, the encoding of every YAML file"
        findings.add(Code.NOT_TEXT, message, where, help=hint)
        return None
