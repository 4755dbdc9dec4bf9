"""Differences between two networks as data: stage by stage, with what they cost.

Networks are compared as what they compute: comments, descriptions, the order of independent stages
and blocks that nothing uses do not count.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from inceptgraph.analysis import total
from inceptgraph.compare._blocks import share
from inceptgraph.compare._changes import (
    BlockChange,
    Change,
    Kind,
    Named,
    StageChange,
    differences,
)
from inceptgraph.compare._stages import compare_stages
from inceptgraph.compare._step_changes import StepComparison
from inceptgraph.compare._tree import Parts
from inceptgraph.diagnostics import Source
from inceptgraph.graph import Graph, source_of
from inceptgraph.pipeline import Analysis, analyze
from inceptgraph.source import to_plain
from inceptgraph.types import Shape

__all__ = ["Comparison", "diff"]


@dataclass(frozen=True, slots=True)
class Comparison:
    """All that differs between two networks.

    Attributes:
        name: of the networks.
        inputs: shapes that differ.
        preprocessing: of inputs, where that differs.
        classes: names that differ, by their places in the order of the outputs.
        outputs: what the outputs are taken from, where that differs.
        params: the networks' parameters that differ, and what spans frames in one that is inflated.
        defaults: of operations, as ``conv2d.bias``, where a step differs because of them.
        blocks: edits of definitions that several uses share.
        stages: in the order of the network after, those that are gone last.
        heads: likewise.
        cost: without the auxiliary heads.
        cost_with_heads: everything.
    """

    name: Change
    inputs: Named
    preprocessing: Named
    classes: Named
    outputs: Named
    params: Named
    defaults: Named
    blocks: tuple[BlockChange, ...]
    stages: tuple[StageChange, ...]
    heads: tuple[StageChange, ...]
    cost: Change
    cost_with_heads: Change

    @property
    def equal(self) -> bool:
        """True where the two compute the same under the same names, and mean the same by it."""
        parts = (self.inputs, self.outputs, self.params, self.defaults)
        meaning = (self.preprocessing, self.classes)
        edits = (*self.blocks, *self.stages, *self.heads)
        same = self.name.before == self.name.after
        return same and not any((*parts, *meaning)) and not edits


def diff(
    before: str | Path | Source | Analysis, after: str | Path | Source | Analysis
) -> Comparison:
    """The differences between two specs.

    Args:
        before: a path, ``-``, a shipped spec's name, a :class:`~inceptgraph.Source`, or what
            :func:`inceptgraph.analyze` made of one, with other values too.
        after: likewise.

    Raises:
        SpecError: one of the specs has errors; it holds all its findings.
        TypeError: an argument has the wrong type.

    >>> found = diff("googlenet", "googlenet_bn")
    >>> found.equal, [(block.name, block.uses) for block in found.blocks]
    (False, [('conv', 59)])
    """
    before, after = _analysis(before), _analysis(after)
    old, new = before.require_graph(), after.require_graph()
    steps = StepComparison(Parts(old), Parts(new))
    stages = compare_stages(steps, old.stages, new.stages)
    heads = compare_stages(steps, old.heads, new.heads)
    blocks, told = share((*stages, *heads), _uses(steps, (*stages, *heads)))
    return Comparison(
        name=Change(old.name, new.name),
        inputs=differences(_inputs(old), _inputs(new)),
        preprocessing=differences(old.preprocessing, new.preprocessing),
        classes=differences(_classes(old), _classes(new)),
        outputs=differences(_outputs(old), _outputs(new)),
        params=differences(_params(before), _params(after)),
        defaults=steps.defaults,
        blocks=blocks,
        stages=told[: len(stages)],
        heads=told[len(stages) :],
        cost=Change(total(old.phase("eval")), total(new.phase("eval"))),
        cost_with_heads=Change(total(old), total(new)),
    )


def _analysis(spec: str | Path | Source | Analysis) -> Analysis:
    return spec if isinstance(spec, Analysis) else analyze(spec)


def _uses(steps: StepComparison, stages: Iterable[StageChange]) -> Counter[str]:
    """How many uses of each block both networks have."""
    renamed = {stage.name: stage.place for stage in stages if stage.kind is Kind.RENAMED}
    olds = steps.old.uses()
    found: Counter[str] = Counter()
    for path, block in steps.new.uses().items():
        stage, dot, rest = path.partition(".")
        found[block] += olds.get(f"{renamed.get(stage, stage)}{dot}{rest}") == block
    return found


def _inputs(graph: Graph) -> dict[str, Shape]:
    return {node.name: graph.shape(node.name) for node in graph.inputs}


def _classes(graph: Graph) -> dict[str, str]:
    return {str(place): name for place, name in enumerate(graph.classes or ())}


def _outputs(graph: Graph) -> dict[str, str]:
    own = (output for output in graph.outputs if not output.training_only)
    return {o.name: f"{source_of(graph, o.node)}{o.trained and f' ({o.trained})'}" for o in own}


def _params(analysis: Analysis) -> dict[str, Any]:
    if analysis.spec is None:
        return {}
    written = {name: param.default for name, param in analysis.spec.params.items()}
    if analysis.spec.inflate is not None:  # its frames are told as the input's
        written["inflate.kernel"] = analysis.spec.inflate.kernel
    return {name: to_plain(node) for name, node in written.items() if node is not None}
