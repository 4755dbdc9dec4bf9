"""Programs of ``torch.export``: one that infers, one that trains."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import torch
from torch.export import ExportedProgram

from inceptgraph.backend import Exported, Progress, Trained
from inceptgraph.graph import Graph, meaning
from inceptgraph.ops import Operation
from inceptgraph.types import Phase
from inceptgraph_torch.export.program import make_program, refusal
from inceptgraph_torch.names import argument_names
from inceptgraph_torch.rules import has_rule

__all__ = ["Pt2Backend"]

ABOUT = "inceptgraph.json"
"""The file in an archive that holds what the spec says of images and classes."""

_USAGE = """\
import torch
{name} = torch.export.load("$path").module()
outputs = {name}({inputs})
"""


class Pt2Backend:
    """Compiles graphs to programs of ``torch.export``, which run on any device."""

    name = "pt2"

    def supports(self, operation: type[Operation]) -> bool:
        return has_rule(operation)

    def lower(self, graph: Graph, **options: Any) -> ExportedProgram:
        """The program; see :func:`inceptgraph_torch.export.program.make_program`."""
        return make_program(graph, **options)

    def export(
        self, network: Trained, folder: Path, progress: Progress = lambda step: None
    ) -> tuple[Exported, ...]:
        """Write ``model.pt2`` for evaluation and ``model.train.pt2`` for training.

        Raises:
            SpecError: torch cannot trace the network.
        """
        inputs = ", ".join(argument_names(network.evaluation).values())
        heads = any(output.training_only for output in network.graph.outputs)
        training = "in training, with its heads" if heads else "in training"
        about = meaning(network.evaluation)
        extra = {ABOUT: json.dumps(about, ensure_ascii=False)} if about else None
        written = []
        for name, phase, graph, what in (
            ("net", Phase.EVAL, network.evaluation, "in evaluation"),
            ("trainable", Phase.TRAIN, network.graph, training),
        ):
            file = "model.pt2" if phase is Phase.EVAL else f"model.{phase}.pt2"
            progress(f"tracing the network {what}")
            program = make_program(graph, tensors=network.tensors, dtype=network.dtype, phase=phase)
            try:
                torch.export.save(program, folder / file, extra_files=extra)
            except RuntimeError as error:  # of torch's own writer of archives
                raise refusal("torch.export cannot save", graph, error) from error
            usage = _USAGE.format(name=name, inputs=inputs)
            written.append(
                Exported(file, f"the network {what}, as a program of torch.export", usage)
            )
        return tuple(written)
