"""Files of other kinds than those that weights are read from: what one is, and what to do."""

from __future__ import annotations

import re
from collections.abc import Iterable, Set
from pathlib import Path

__all__ = ["other", "other_archive", "other_directory"]

Named = tuple[str, str]
"""What a file is, in words that follow its name, and what to do about it."""

_TF = (
    "read it with TensorFlow, and save its arrays by name: tf.train.load_checkpoint, and"
    " safetensors.numpy.save_file"
)
_SAVE = "save the tensors by name: torch.save(model.state_dict(), path)"
_STARTS: dict[bytes, Named] = {
    b"version https://git-lfs": (
        "is a pointer of Git LFS, not the weights themselves",
        "fetch the file: git lfs pull",
    ),
    b"GGUF": ("is a GGUF file, whose numbers are quantised", "save the tensors as safetensors"),
    b"\x93NUMPY": (
        "is a single array of NumPy",
        "save all tensors in one file by name: numpy.savez, or safetensors.numpy.save_file",
    ),
    b"\x1f\x8b": ("is compressed", "unpack it: gunzip"),
    b"<": ("is a web page or XML, not weights", "was the download refused?"),
    b"{": ("is JSON, not weights", "of a model in parts, name its `….index.json`"),
}
_ONNX: Named = (
    "is an ONNX model",
    "save its initialisers by name: onnx.numpy_helper.to_array, and safetensors.numpy.save_file",
)
_NO_WEIGHTS: Named = ("is a zip file without weights of PyTorch, NumPy or Keras", _SAVE)
_SAVED_MODEL: Named = ("is a SavedModel of TensorFlow", _TF)
_SCRIPT: Named = (
    "is a TorchScript archive, which holds code: refused",
    "save its tensors: torch.save(torch.jit.load(path).state_dict(), …), if you trust who made it",
)
_EXPORTED: Named = (
    "is a program of torch.export",
    "save its tensors: torch.save(torch.export.load(path).state_dict, …), if you trust who made it",
)


def other(path: Path, head: bytes) -> Named | None:
    """What a file is that is of another kind; None where it is none that is known.

    Args:
        path: the file.
        head: its first bytes, 32 at least.
    """
    for start, named in _STARTS.items():
        if head.startswith(start):
            return named
    if head[4:8] == b"TFL3":
        return ("is a TensorFlow Lite model", "save the tensors of what it was made from")
    if path.name in ("saved_model.pb", "keras_metadata.pb"):
        return _SAVED_MODEL
    if path.suffix == ".onnx" or re.match(rb"\x08[\x01-\x20][\x12\x1a\x22\x3a\x42]", head):
        return _ONNX
    if path.suffix == ".index" or re.search(r"\.data-\d{5}-of-\d{5}$", path.name):
        return "is a part of a TensorFlow checkpoint", _TF
    return None


def other_directory(path: Path) -> Named | None:
    """What a directory is; None where it is none that is known."""
    try:
        names = sorted(each.name for each in path.iterdir())
    except OSError:
        return None
    if "saved_model.pb" in names:
        return _SAVED_MODEL
    if "checkpoint" in names or any(name.endswith(".index") for name in names):
        return "is a directory of TensorFlow checkpoints", _TF
    inside = (each.name for each in (path / "checkpoints").glob("*"))
    files = [*_weights(names), *(f"checkpoints/{name}" for name in _weights(sorted(inside)))]
    if files:
        return "is a directory of a training run", f"name the file in it: {', '.join(files[:3])}"
    return None


def _weights(names: Iterable[str]) -> list[str]:
    """Those that end as files of weights do."""
    return [name for name in names if Path(name).suffix in (".ckpt", ".pth", ".pt", ".safetensors")]


def other_archive(names: Set[str]) -> Named | None:
    """What a zip file is, by the names in it; None where it is one of ``torch.save``."""
    if "saved_model.pb" in names:
        return _SAVED_MODEL
    if "archive_format" in names or "serialized_exported_program.json" in names:
        return _EXPORTED
    if "constants.pkl" in names:
        return _SCRIPT
    return None if "data.pkl" in names else _NO_WEIGHTS
