"""A module for each job."""

from __future__ import annotations

from typing import Any

from inceptgraph import engine as engines
from inceptgraph.bench.lab import Lab
from inceptgraph.bench.peers import find_peer
from inceptgraph.bench.plan import Job, Kind
from inceptgraph.evaluate import Tensors
from inceptgraph.graph import Graph

__all__ = ["make"]


def make(lab: Lab, job: Job, graph: Graph, tensors: Tensors) -> Any:
    """What a job is about, ready to run.

    Args:
        lab: what measures.
        job: what to make.
        graph: the network, both phases.
        tensors: its weights.

    Raises:
        SpecError: an engine cannot run the network, or a peer cannot be had.
    """
    match job.kind:
        case Kind.PLAIN:
            return lab.plain(graph, tensors, job.setting)
        case Kind.ENGINE:
            return engines.prepare(engines.find(job.name), graph, tensors, job.setting)
        case Kind.PEER | Kind.COMPILED_PEER:
            compiled = job.kind is Kind.COMPILED_PEER
            return lab.peer(find_peer(job.name), graph, job.setting, compiled=compiled)
