"""A module for each job."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from inceptgraph import engine as engines
from inceptgraph.bench._lab import BenchLab
from inceptgraph.bench._peers import find_peer
from inceptgraph.bench._plan import Job, Kind
from inceptgraph.graph import Graph
from inceptgraph.weights.recipe_values import Tensors

__all__ = ["maker"]


def maker(lab: BenchLab, job: Job, graph: Graph, tensors: Tensors) -> Callable[[], Any]:
    """A function that makes the module of a job, ready to run.

    A peer is imported and drawn here and not by what is returned: that is to be no part of its
    memory and of its time to a first result, as the weights of the network are none of an engine's.

    Args:
        lab: what measures.
        job: what to make.
        graph: the network, both phases.
        tensors: its weights.

    Raises:
        SpecError: a peer cannot be had; what is returned raises it where an engine cannot run the
            network.
    """
    match job.kind:
        case Kind.PLAIN:
            return lambda: lab.plain(graph, tensors, job.setting)
        case Kind.ENGINE:
            engine = engines.find(job.name)
            return lambda: engines.make(engine, graph, tensors, job.setting)
        case Kind.PEER | Kind.COMPILED_PEER:
            peer = lab.draw_peer(find_peer(job.name), graph)
            compiled = job.kind is Kind.COMPILED_PEER
            return lambda: lab.peer(peer, job.setting, compiled=compiled)
