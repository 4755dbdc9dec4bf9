"""The torch backend: a spec's graph to a ``torch.fx.GraphModule``."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Any

from inceptgraph.backend import Held
from inceptgraph.graph import Graph
from inceptgraph.ops import Operation
from inceptgraph_torch.loading import load_tensors
from inceptgraph_torch.lower import initial, lower
from inceptgraph_torch.options import read_device, read_dtype
from inceptgraph_torch.recipe_tensors import as_array
from inceptgraph_torch.rules import has_rule
from inceptgraph_torch.spec_module import SpecModule

if TYPE_CHECKING:
    import numpy as np
    from torch import nn

    from inceptgraph.setting import Setting
    from inceptgraph.types import Shape
    from inceptgraph_torch.bench import TorchBenchLab
    from inceptgraph_torch.measure import TorchLab

__all__ = ["SpecModule", "TorchBackend", "backend", "load_tensors", "lower"]


class TorchBackend:
    """Compiles graphs to :class:`SpecModule`; options are those of :func:`lower`."""

    name = "torch"

    def supports(self, operation: type[Operation]) -> bool:
        return has_rule(operation)

    def lower(self, graph: Graph, **options: Any) -> SpecModule:
        return lower(graph, **options)

    def initial(self, graph: Graph, **options: Any) -> dict[str, np.ndarray[Any, np.dtype[Any]]]:
        """The weights that a network starts with, as float32 arrays by their names in its graph;
        see :func:`inceptgraph_torch.lower.initial`."""
        tensors = initial(graph, **options)
        return {name: as_array(tensor) for name, tensor in tensors.items()}

    def check(self, **options: Any) -> None:
        """Refuse a device or a dtype that cannot be used."""
        read_device(options.get("device"))
        read_dtype(options.get("dtype"))

    def write(self, graph: Graph, folder: Path, **options: Any) -> None:
        """Write ``model.py`` and its weights; see
        :func:`inceptgraph_torch.model_directory.write`."""
        from inceptgraph_torch.model_directory import write

        write(graph, folder, **options)

    def write_optimized(self, graph: Graph, folder: Path, **options: Any) -> None:
        """Write ``optimized.py`` and its weights; see
        :func:`inceptgraph_torch.model_directory.write_optimized`."""
        from inceptgraph_torch.model_directory import write_optimized

        write_optimized(graph, folder, **options)

    def load(self, graph: Graph, folder: Path, **options: Any) -> SpecModule:
        """The module with the weights of a built directory; see
        :func:`inceptgraph_torch.model_directory.load`."""
        from inceptgraph_torch.model_directory import load

        return load(graph, folder, **options)

    def tensors(self, graph: Graph, folder: Path) -> dict[str, np.ndarray[Any, np.dtype[Any]]]:
        """The weights of a built directory as arrays; see
        :func:`inceptgraph_torch.model_directory.tensors`."""
        from inceptgraph_torch.model_directory import tensors

        return tensors(graph, folder)

    def versions(self) -> dict[str, str]:
        return {"torch": version("torch")}

    def dtype(self, folder: Path) -> str:
        """The type of the weights of a built directory; see
        :func:`inceptgraph_torch.model_directory.dtype`."""
        from inceptgraph_torch.model_directory import dtype

        return dtype(folder)

    def look(self, path: Path, format: str, key: str | None) -> Held:
        """What a file holds; see :func:`inceptgraph_torch.checkpoints.look`."""
        from inceptgraph_torch.checkpoints import look

        return look(path, format, key)

    def not_finite(
        self, path: Path, format: str, names: Iterable[str], key: str | None
    ) -> dict[str, str]:
        """Tensors with numbers that are none; see
        :func:`inceptgraph_torch.checkpoints.not_finite`."""
        from inceptgraph_torch.checkpoints import not_finite

        return not_finite(path, format, names, key)

    def at_each_size(
        self,
        first: nn.Module,
        shapes: Mapping[str, Shape],
        make: Callable[[tuple[Shape, ...]], nn.Module],
        setting: Setting,
    ) -> nn.Module:
        """One module over one for each size; see
        :class:`inceptgraph_torch.engines.each_size.EachSize`."""
        from inceptgraph_torch.engines.each_size import EachSize

        return EachSize(first, shapes, make, setting)

    def lab(self) -> TorchLab:
        """The lab that compares and times."""
        from inceptgraph_torch.measure import TorchLab

        return TorchLab()

    def bench_lab(self) -> TorchBenchLab:
        """What measures for ``inceptgraph bench``."""
        from inceptgraph_torch.bench import TorchBenchLab

        return TorchBenchLab()


backend = TorchBackend()
