"""A bench from its plan to its report."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

from inceptgraph import engine as engines
from inceptgraph.backend import Progress
from inceptgraph.bench._jobs import maker
from inceptgraph.bench._lab import BenchLab
from inceptgraph.bench._machine import library_versions, processor
from inceptgraph.bench._other_processes import Others, Used, used
from inceptgraph.bench._plan import Job, Kind, Plan
from inceptgraph.bench._probe import Crashed, Probe
from inceptgraph.bench._results import Report, Row, Status
from inceptgraph.bench._trial import Trial, flops
from inceptgraph.diagnostics import SpecError
from inceptgraph.engine import Setting
from inceptgraph.graph import Graph
from inceptgraph.measure import (
    Budget,
    NoReference,
    Outputs,
    Reference,
    in_a_line,
    rounds,
    same_form,
)
from inceptgraph.weights.recipe_values import Tensors

__all__ = ["bench"]

TELLING = 0.05
"""Error of the plain module above which what is explained is half of the outputs and more."""

Prober = Callable[[Job], Probe]


def bench(
    graph: Graph,
    tensors: Tensors,
    plan: Plan,
    lab: BenchLab,
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
        plan: what to measure; it names its engines.
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


def _facts(plan: Plan, lab: BenchLab, kept: bool) -> dict[str, str]:
    """What figures depend on."""
    doing = "a training step" if plan.setting.train else "inference"
    found = {"measured": f"{doing} on {plan.setting.device}, medians of interleaved rounds"}
    for facts in (processor(), lab.facts(plan.setting), library_versions(plan.engines or ())):
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
        lab: BenchLab,
        prober: Prober | None,
        progress: Progress,
        clock: Callable[[], float],
        others: Others,
    ) -> None:
        self._graph, self._tensors, self._plan, self._lab = graph, tensors, plan, lab
        self._prober, self._progress, self._clock = prober, progress, clock
        self._others = others
        self._groups: list[list[Trial]] = []
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
            reference = Reference(self._lab, self._graph, self._tensors, trials[0].job.setting)
        except NoReference as error:
            for trial in trials:
                trial.give_up(Status.FAILED, str(error))
            return
        try:
            for trial in trials:
                self._prepare(trial, reference)
            with self._others:
                self._time(trials)
        finally:
            for trial in trials:
                trial.subject = None
            self._lab.forget()

    def _prepare(self, trial: Trial, reference: Reference) -> None:
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
            self._compare(trial, reference, module, found)
        except SpecError as error:
            trial.give_up(Status.REFUSED, error.diagnostics[0].message)
        except Crashed as error:
            trial.give_up(Status.FAILED, str(error))
        except Exception as error:  # an engine may fail in any way
            trial.give_up(Status.FAILED, in_a_line(error))
        self._progress(f"{job}: {_told(trial)}")

    def _compare(self, trial: Trial, reference: Reference, module: Any, found: Outputs) -> None:
        setting = trial.job.setting
        if trial.job.kind in (Kind.PEER, Kind.COMPILED_PEER):
            theirs = self._lab.peer_reference(module, self._graph, setting)
            if theirs is None or not same_form(found, theirs):
                trial.reason = "not compared: its weights or its outputs are not the network's"
                return
            verdict = reference.judge(found, setting, theirs)
            trial.reason = verdict.reason and f"is another network: {verdict.reason}"
        else:
            plain = trial.job.kind is Kind.PLAIN
            verdict = (reference.judge_plain if plain else reference.judge)(found, setting)
            if verdict.reason is not None:
                trial.give_up(Status.WRONG, verdict.reason)
            elif plain and verdict.error is not None and verdict.error > TELLING:
                self.remarks.append(  # it is what others are held to
                    f"the plain module itself is {verdict.error:.1e} off in {setting.dtype} at "
                    f"batch {setting.batch}: that others are no worse proves little"
                )
        trial.error, trial.bound = verdict.error, verdict.bound

    def _time(self, trials: Sequence[Trial]) -> None:
        ready = {i: trial.subject for i, trial in enumerate(trials) if trial.subject is not None}
        budget = Budget(self._plan.rounds, self._plan.seconds)
        if not ready:
            return
        batch = trials[0].job.setting.batch
        length = f"{budget.rounds} rounds" if budget.rounds else f"for {budget.seconds:g} s"
        self._progress(f"batch {batch}: timing {len(ready)} side by side, {length}")
        for found in rounds(ready, budget, self._clock):
            for index, reason in found.failures.items():
                trials[index].give_up(Status.FAILED, reason)
            for index, seconds in found.seconds.items():
                trials[index].status = Status.TIMED
                trials[index].samples.append(seconds)
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
