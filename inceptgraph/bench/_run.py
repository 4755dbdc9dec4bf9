"""A bench from its plan to its report."""

from __future__ import annotations

import math
import statistics
import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

from inceptgraph import engine as engines
from inceptgraph.analysis import total
from inceptgraph.bench._jobs import maker
from inceptgraph.bench._machine import library_versions, processor
from inceptgraph.bench._other_processes import Others, Used, used
from inceptgraph.bench._plan import Job, Kind, Plan
from inceptgraph.bench._probe import Crashed, Probe
from inceptgraph.bench._results import Report, Row, Status
from inceptgraph.bench._trial import Trial, flops
from inceptgraph.diagnostics import SpecError
from inceptgraph.engine import Setting
from inceptgraph.graph import Graph
from inceptgraph.measure import Budget, Lab, Outputs, error_of, judge, rounds, same_form
from inceptgraph.weights.recipe_values import Tensors

__all__ = ["bench"]

TELLING = 0.05
"""Error of the plain module above which what is explained is half of the outputs and more."""

Prober = Callable[[Job], Probe]
Progress = Callable[[str], None]


def bench(
    graph: Graph,
    tensors: Tensors,
    plan: Plan,
    lab: Lab,
    *,
    prober: Prober | None = None,
    progress: Progress = lambda text: None,
    clock: Callable[[], float] = time.perf_counter,
    used: Callable[[], Used | None] = used,
) -> Report:
    """Measure what a plan says.

    For each batch: everything is prepared, its outputs compared with those of the plain module in
    float64, and what passes is timed in interleaved rounds. What refuses, fails or is wrong has a
    row that says so. An interrupt ends the bench; its report holds the rounds before it.

    Args:
        graph: the network, with shapes, both phases.
        tensors: its weights.
        plan: what to measure.
        lab: what measures.
        prober: measures memory and the time to a first result; None to leave memory out.
        progress: is told what is being done.
        clock: seconds.
        used: what was used of the processor.

    Raises:
        SpecError: there is no such device, or it does not compute in one of the types.
    """
    for dtype in plan.dtypes:
        lab.check(replace(plan.setting, dtype=dtype))
    kept = plan.setting.keep_memory and lab.keep_memory()  # for what is no engine as well
    others = Others(used)
    bencher = _Bencher(graph, tensors, plan, lab, prober, progress, clock, others)
    interrupted = False
    try:
        for batch in plan.batches:
            bencher.measure(batch)
    except KeyboardInterrupt:
        interrupted = True
    return Report(
        network=graph.name,
        facts=_facts(plan, lab, kept),
        rows=bencher.rows(),
        peaks=bencher.peaks,
        remarks=bencher.remarks,
        others=others.share,
        interrupted=interrupted,
    )


def _facts(plan: Plan, lab: Lab, kept: bool) -> dict[str, str]:
    """What figures depend on."""
    doing = "a training step" if plan.setting.train else "inference"
    found = {"measured": f"{doing} on {plan.setting.device}, medians of interleaved rounds"}
    for facts in (processor(), lab.facts(plan.setting), library_versions(plan.engines)):
        found |= facts
    if plan.setting.keep_memory:
        found["allocator"] = "keeps freed memory" if kept else "cannot keep freed memory here"
    return found


class _Bencher:
    """Measures a batch at a time."""

    def __init__(
        self,
        graph: Graph,
        tensors: Tensors,
        plan: Plan,
        lab: Lab,
        prober: Prober | None,
        progress: Progress,
        clock: Callable[[], float],
        others: Others,
    ) -> None:
        self._graph, self._tensors, self._plan, self._lab = graph, tensors, plan, lab
        self._prober, self._progress, self._clock = prober, progress, clock
        self._others = others
        self._groups: list[list[Trial]] = []
        self._depth = total(graph.phase("eval")).depth
        self.peaks: dict[str, float] = {}
        self.remarks: list[str] = []

    def measure(self, batch: int) -> None:
        """Everything of one batch, in rounds that hold all of it."""
        trials = [Trial(job) for job in self._plan.jobs(batch)]
        self._groups.append(trials)
        if self._groups == [trials]:
            self.remarks += self._lab.remarks(self._graph, self._tensors)
        self._progress(f"batch {batch}: the reference, in float64")
        try:
            wanted = self._lab.reference(self._graph, self._tensors, trials[0].job.setting)
        except Exception as error:  # such as batch normalisation of one sample in training
            for trial in trials:
                trial.give_up(Status.FAILED, f"the network itself fails: {_text(error)}")
            return
        try:
            for trial in trials:
                self._prepare(trial, trials, wanted)
            with self._others:
                self._time(trials)
        finally:
            for trial in trials:
                trial.subject = None
            self._lab.forget()

    def _prepare(self, trial: Trial, trials: Sequence[Trial], wanted: Outputs) -> None:
        """Have it run once, in a process of its own and here, and compare."""
        job = trial.job
        self._progress(f"{job}: preparing")
        try:
            if self._prober is not None:
                trial.probe = self._prober(job)
            make = maker(self._lab, job, self._graph, self._tensors)
            started = self._clock()
            module = make()
            subject = self._lab.subject(module, self._graph, job.setting)
            found = subject.outputs()
            if trial.probe is None:
                trial.probe = Probe(self._clock() - started, None)
            trial.subject = subject
            self._compare(trial, trials, module, found, wanted)
        except SpecError as error:
            trial.give_up(Status.REFUSED, error.diagnostics[0].message)
        except Crashed as error:
            trial.give_up(Status.FAILED, str(error))
        except Exception as error:  # an engine may fail in any way
            trial.give_up(Status.FAILED, _text(error))
        self._progress(f"{job}: {_told(trial)}")

    def _compare(
        self, trial: Trial, trials: Sequence[Trial], module: Any, found: Outputs, wanted: Outputs
    ) -> None:
        job = trial.job
        peer = job.kind in (Kind.PEER, Kind.COMPILED_PEER)
        if peer:
            theirs = self._lab.peer_reference(module, self._graph, job.setting)
            if theirs is None or not same_form(found, theirs):
                trial.reason = "not compared: its weights or its outputs are not the network's"
                return
            wanted = theirs
        plain = next(t for t in trials if t.job.kind is Kind.PLAIN and _dtype(t) == _dtype(trial))
        if trial is plain:
            given = self._graph, self._tensors, job.setting
            trial.reordered = error_of(self._lab, self._lab.reordered, *given, wanted)
        verdict = judge(found, wanted, _dtype(trial), plain.error, self._depth, plain.reordered)
        trial.error, trial.bound = verdict.error, verdict.bound
        if job.kind is Kind.PLAIN and trial.error is not None and math.isfinite(trial.error):
            if trial.error > TELLING:  # it is what others are held to
                self.remarks.append(
                    f"the plain module itself is {trial.error:.1e} off in {_dtype(trial)} at batch "
                    f"{job.setting.batch}: that others are no worse proves little"
                )
            return
        if verdict.reason is None:
            return
        if peer:
            trial.reason = f"is another network: {verdict.reason}"
        else:
            trial.give_up(Status.WRONG, verdict.reason)

    def _time(self, trials: Sequence[Trial]) -> None:
        ready = {i: trial.subject for i, trial in enumerate(trials) if trial.subject is not None}
        budget = Budget(self._plan.rounds, self._plan.seconds)
        if not ready:
            return
        batch = trials[0].job.setting.batch
        length = f"{budget.rounds} rounds" if budget.rounds else f"for {budget.seconds:g} s"
        self._progress(f"batch {batch}: timing {len(ready)} side by side, {length}")
        for found in rounds(ready, budget, self._clock):
            for index, error in found.failures.items():
                trials[index].give_up(Status.FAILED, _text(error))
            for index in found.seconds:
                trials[index].status = Status.TIMED
                trials[index].samples.append(found.seconds[index])
            self._find_peaks(trials)  # in every round: what else the machine does comes and goes

    def _find_peaks(self, trials: Sequence[Trial]) -> None:
        for setting in {_dtype(trial): trial.job.setting for trial in trials}.values():
            found = self._lab.peak(setting)
            if found is not None:
                self.peaks[setting.dtype] = max(found, self.peaks.get(setting.dtype, 0.0))

    def rows(self) -> list[Row]:
        """The rows so far."""
        found = []
        for trials in self._groups:
            base = next(trial for trial in trials if trial.job.is_baseline)
            for trial in trials:
                setting = trial.job.setting
                work = flops(self._graph, setting.batch, setting.train)
                peak, auto = self.peaks.get(setting.dtype), self._auto(setting, trials)
                found.append(trial.row(base, work, peak, auto))
        return found

    def _auto(self, setting: Setting, trials: Sequence[Trial]) -> str | None:
        """The engine that would be picked; None where none can run the network."""
        if setting.autotune:  # which times them, too
            timed = {
                trial.job.name: statistics.median(trial.samples)
                for trial in trials
                if trial.job.kind is Kind.ENGINE and trial.job.setting == setting and trial.samples
            }
            return min(timed, key=timed.__getitem__, default=None)
        try:
            return engines.choose(engines.AUTO, self._graph, setting).engine.name
        except SpecError:
            return None


def _dtype(trial: Trial) -> str:
    return trial.job.setting.dtype


def _told(trial: Trial) -> str:
    """What became of a job that was prepared, for people."""
    if trial.subject is None:
        return f"{trial.status.value}: {trial.reason}"
    first = trial.probe.first if trial.probe else 0.0
    return f"first result after {first:.1f} s"


def _text(error: Exception) -> str:
    """What went wrong, in a line."""
    return f"{type(error).__name__}: {' '.join(str(error).split())}"
