"""Measurements that a process allows once: its memory, and the time to a first result.

Each job has a process of its own for that, so that none finds what another has loaded, compiled or
left in the allocator, and one that crashes takes nothing else along.
"""

from __future__ import annotations

import os
import signal
import time
from dataclasses import dataclass
from multiprocessing import get_context
from multiprocessing.connection import Connection

from inceptgraph.bench._jobs import maker
from inceptgraph.bench._lab import find_bench_lab
from inceptgraph.bench._plan import Job
from inceptgraph.diagnostics import Diagnostic, SpecError
from inceptgraph.graph import Graph
from inceptgraph.weights.recipe_values import Tensors

__all__ = ["CALLS", "Crashed", "Probe", "probe"]

CALLS = 3
"""Calls after the first, in which buffers may still grow."""


@dataclass(frozen=True, slots=True)
class Probe:
    """The measurements of a process of its own.

    Attributes:
        first: seconds from the weights to a first result: passes, compilation and the import of
            the engine's libraries, without that of the framework.
        memory: bytes that were taken at most, beyond those of the framework and the weights.
    """

    first: float
    memory: int | None


class Crashed(Exception):
    """The process failed or ended without a result; the text says how."""


def probe(backend: str, job: Job, graph: Graph, tensors: Tensors) -> Probe:
    """Measure a job in a process of its own.

    Args:
        backend: the name of the backend that measures.
        job: what to measure.
        graph: the network, both phases.
        tensors: its weights.

    Raises:
        SpecError: it cannot run the network.
        Crashed: it failed.
    """
    context = get_context("spawn")
    ours, theirs = context.Pipe(duplex=False)
    arguments = (theirs, backend, job, graph, dict(tensors))
    process = context.Process(target=_report, args=arguments, daemon=False)
    process.start()
    theirs.close()
    try:
        found = ours.recv()
        process.join()
    except EOFError:
        process.join()
        raise Crashed(_ending(process.exitcode)) from None
    finally:
        ours.close()
        process.kill()  # an interrupt does not wait for it
    if isinstance(found, Probe):
        return found
    if isinstance(found, str):
        raise Crashed(found)
    raise SpecError(found)


def _report(connection: Connection, *arguments: object) -> None:
    """Measure, and send what came out: a probe, findings, or what failed."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the parent ends this process
    os.dup2(2, 1)  # what a library prints is no data of ours
    try:
        found: Probe | tuple[Diagnostic, ...] | str = _measure(*arguments)  # type: ignore[arg-type]
    except SpecError as error:
        found = tuple(error.diagnostics)
    except Exception as error:  # an engine may fail in any way
        found = f"{type(error).__name__}: {error}"
    connection.send(found)
    connection.close()


def _measure(backend: str, job: Job, graph: Graph, tensors: Tensors) -> Probe:
    lab = find_bench_lab(backend)
    if job.setting.keep_memory:  # for what is no engine as well
        lab.keep_memory()
    lab.warm_up(graph, tensors, job.setting)
    make = maker(lab, job, graph, tensors)
    taken = lab.watch_memory(job.setting)
    started = time.perf_counter()
    subject = lab.subject(make(), graph, job.setting)
    subject.call()
    subject.wait()
    first = time.perf_counter() - started
    for _ in range(CALLS):
        subject.call()
    subject.wait()
    return Probe(first, taken())


def _ending(code: int | None) -> str:
    if code is not None and code < 0:
        return f"its process was ended by {signal.Signals(-code).name}"
    return f"its process ended with code {code}"
