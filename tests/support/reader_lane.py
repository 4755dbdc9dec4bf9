"""Exports of shipped specs, read by programs of others, each in a process of its own."""

from __future__ import annotations

import copy
import os
import re
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np
import torch
from agreement import Array, arrays, by_name
from lively import images, in_eight_bits, lively
from places import ROOT

from inceptgraph import compile
from inceptgraph.analysis import total
from inceptgraph.diagnostics import SpecError
from inceptgraph.graph import Graph
from inceptgraph.measure import bound, judge, relative_error
from inceptgraph.pipeline import to_graph
from inceptgraph.types import AXES

__all__ = ["READERS", "ROOM", "Export", "Reader", "graph_of", "read"]

SCRIPTS = ROOT / "tests" / "readers"
BATCH, CALIBRATION = 2, 4
ROOM = 2.35
"""How many times the error of plain torch in 8 bits is still explained by 8 bits: programs round in
other places. ONNX Runtime 1.32.0's was 0.6 to 2.3 times that, in all shipped networks."""


@dataclass(frozen=True)
class Reader:
    """A program that reads our exports.

    Attributes:
        label: what the table calls it.
        function: of ``read.py``.
        package: whose version tells what it does.
        environment: where it stands, a list in ``requirements/``; None for that of the tests.
    """

    label: str
    function: str
    package: str
    environment: str | None = None

    @property
    def version(self) -> str:
        if self.environment is None:
            return version(self.package).partition("+")[0]  # `+cpu` says where it was built
        text = (SCRIPTS / "requirements" / f"{self.environment}.txt").read_text(encoding="utf-8")
        (found,) = re.findall(rf"^{re.escape(self.package)}==(.*)$", text, re.MULTILINE)
        return str(found)

    def python(self, folder: Path) -> Path:
        """The interpreter, where ``.ci/readers`` makes environments in a folder."""
        if self.environment is None:
            return Path(sys.executable)
        return folder / self.environment / "bin" / "python"


READERS = (
    Reader("ONNX Runtime", "onnxruntime", "onnxruntime"),
    Reader("ONNX Runtime", "onnxruntime", "onnxruntime", "onnx"),
    Reader("ONNX Runtime in int8", "quantization", "onnxruntime", "onnx"),
    Reader("OpenVINO", "openvino", "openvino", "onnx"),
    Reader("OpenCV", "opencv", "opencv-python-headless", "opencv"),
    Reader("onnx2torch", "onnx2torch", "onnx2torch", "torch"),
    Reader("ncnn, by pnnx", "ncnn", "pnnx", "ncnn"),
    Reader("MNN", "mnn", "MNN", "mnn"),
    Reader("onnxslim", "onnxslim", "onnxslim", "onnx"),
    Reader("torch (`pt2`)", "pt2", "torch"),
    Reader("torch (`pt2`)", "pt2", "torch", "torch"),
)


def graph_of(spec: str) -> Graph:
    """A shipped spec on images of half its size where it permits that, else of its own; on a few
    frames of videos."""
    graph = to_graph(spec)
    _, *extents = graph.shape(graph.inputs[0].name)
    halves = {f"input.{a}": n // 2 for a, n in zip(AXES[len(extents)], extents, strict=True)}
    for smaller in (halves, {"inflate.frames": 16}):
        with suppress(SpecError):
            return to_graph(spec, set=smaller)
    return graph


class Export:
    """A network's exports in a folder, and what they are held to."""

    def __init__(self, graph: Graph, folder: Path) -> None:
        """Args:
        graph: with shapes.
        folder: an existing directory.
        """
        self.graph, self.folder = graph, folder
        calibration = images(graph, CALIBRATION, 1)
        given = [each[:BATCH] for each in calibration]  # so that 8 bits clip nothing
        module = lively(graph, calibration)
        tensors = arrays(module, graph)
        for name, each in (("inputs", given), ("calibration", calibration)):
            named = zip(graph.inputs, each, strict=True)
            np.savez(folder / name, **{node.name: x.float().numpy() for node, x in named})
        outputs = graph.phase("eval").outputs
        (folder / "outputs.txt").write_text("\n".join(output.name for output in outputs))
        (folder / "model.onnx").write_bytes(
            compile(graph, "onnx", tensors=tensors, dtype="float32").SerializeToString()
        )
        program = compile(graph, "pt2", tensors=tensors, dtype="float32")
        torch.export.save(program, folder / "model.pt2")
        self.wanted = self._named(module, given)
        single = copy.deepcopy(module).float()
        plain = self._error(single, given)
        depth = total(graph.phase("eval")).depth
        last = self._error(single.to(memory_format=_channels_last(given[0])), given)
        self.bounds = plain, depth, last
        coarse = by_name(graph, in_eight_bits(module, given, calibration))
        self.eight_bits = relative_error(coarse, self.wanted)

    @property
    def spread(self) -> float:
        """How far apart the samples are in the output that tells them apart least, of its largest
        number: what is wrong by less cannot be told."""
        return min(float(np.abs(x[0] - x[1]).max() / np.abs(x).max()) for x in self.wanted.values())

    @property
    def tells_in_eight_bits(self) -> bool:
        """Whether what is right in 8 bits can be told from what is not."""
        return ROOM * self.eight_bits < 0.9

    @property
    def bound(self) -> float:
        """What float32 explains."""
        plain, depth, last = self.bounds
        return bound("float32", plain, depth, last)

    def reason(self, found: Mapping[str, Array], eight_bits: bool = False) -> str | None:
        """What is wrong with what a program gave; None where nothing is.

        In 8 bits a program may be :data:`ROOM` times as far off as plain torch in
        which all that layers read and give has 256 values.
        """
        wanted = dict(zip(found, self.wanted.values(), strict=False))
        found = {name: np.asarray(each, np.float64) for name, each in found.items()}
        if len(wanted) != len(self.wanted):
            return f"{len(found)} outputs"
        if [x.shape for x in found.values()] != [x.shape for x in wanted.values()]:
            return f"outputs of {' and '.join(str(x.shape) for x in found.values())}"
        error = relative_error(found, wanted)
        plain, depth, last = self.bounds
        if eight_bits:
            right = error <= ROOM * self.eight_bits
        else:
            right = judge(found, wanted, "float32", plain, depth, last).reason is None
        return None if right else f"{100 * error:.1g} % off"

    def _named(self, module: Any, given: list[torch.Tensor]) -> dict[str, Array]:
        with torch.no_grad():
            return by_name(self.graph, module(*given))

    def _error(self, module: Any, given: list[torch.Tensor]) -> float:
        return relative_error(self._named(module, [x.float() for x in given]), self.wanted)


def _channels_last(batch: torch.Tensor) -> torch.memory_format:
    """The order of memory whose channels are last, where a batch's rank has one."""
    orders = {4: torch.channels_last, 5: torch.channels_last_3d}
    return orders.get(batch.dim(), torch.preserve_format)


def read(
    exports: Mapping[str, Export], reader: Reader, folder: Path
) -> Iterator[tuple[str, str | None]]:
    """What is wrong with what a program makes of exports.

    Args:
        exports: by spec.
        reader: the program.
        folder: of the environments.

    Yields:
        Each spec, and what is wrong in words; None where nothing is. In 8 bits those of which they
        leave nothing are passed over.
    """
    eight_bits = reader.function == "quantization"
    if eight_bits:
        exports = {spec: each for spec, each in exports.items() if each.tells_in_eight_bits}
    folders = [export.folder for export in exports.values()]
    command = [reader.python(folder), SCRIPTS / "read.py", reader.function, *folders]
    alone = {key: os.environ[key] for key in ("PATH", "HOME") if key in os.environ}
    subprocess.run(command, env={**alone, "OMP_NUM_THREADS": "1"}, check=True)
    for spec, export in exports.items():
        told, given = (export.folder / f"{reader.function}.{kind}" for kind in ("txt", "npz"))
        if told.exists():
            yield spec, told.read_text(encoding="utf-8")
        else:
            with np.load(given) as found:
                yield spec, export.reason(dict(found), eight_bits)
