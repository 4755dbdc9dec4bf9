"""The bench: what it compares, how it interleaves, what it says. Nothing here is timed: the logic
runs on a clock that stubs move."""

from __future__ import annotations

import itertools
import json
import os
import re
import sys
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path
from types import ModuleType
from typing import Any

import jsonschema
import numpy as np
import pytest
from places import ROOT
from stub_bench import GRAPH, WANTED, Clock, StubEngine, StubLab, StubSubject, offer
from tiny_network import TINY

import inceptgraph
from inceptgraph import engine as engines
from inceptgraph.analysis import total
from inceptgraph.bench import (
    BenchBackend,
    Kind,
    Plan,
    Report,
    Status,
    bench,
    find_bench_lab,
    find_peer,
    run_plan,
)
from inceptgraph.bench._machine import library_versions, processor
from inceptgraph.bench._other_processes import Others, Used, used
from inceptgraph.bench._probe import Crashed, Probe
from inceptgraph.bench._trial import flops
from inceptgraph.cli import run as run_command
from inceptgraph.cli.bench_table import as_text
from inceptgraph.diagnostics import Source, SpecError
from inceptgraph.engine import Setting
from inceptgraph.graph import Graph
from inceptgraph.measure import MeasuringBackend, Spread, find_lab
from inceptgraph.measure._agreement import (
    ROOM,
    ROOM_OF_ORDER,
    ROUNDOFF,
    bound,
    relative_error,
    same_form,
)
from inceptgraph.measure._rounds import LEAST_ROUNDS, TURN, Budget, order, rounds
from inceptgraph.pipeline import to_graph


@dataclass
class Bench:
    """A bench of stubs."""

    monkeypatch: pytest.MonkeyPatch
    clock: Clock = field(default_factory=Clock)
    engines: dict[str, StubEngine] = field(default_factory=dict)
    others: float = 0.0

    def __post_init__(self) -> None:
        self.lab = StubLab(self.clock, {"float32": self.subject("torch", 1.0, off=1e-7)})
        offer(self.monkeypatch, self.engines)

    def subject(self, name: str, cost: float, **more: Any) -> StubSubject:
        return StubSubject(name, self.clock, cost, **more)

    def add(self, name: str, cost: float = 0.5, fast: float = 1.0, **more: Any) -> None:
        self.engines[name] = StubEngine(name, self.subject(name, cost, **more), fast)

    def used(self) -> Used:
        """As if we took six tenths of four cores."""
        now = self.clock.now
        return Used(now, 4, all=4 * now * (0.6 + self.others), own=4 * now * 0.6)

    def run(self, prober: Any = None, **plan: Any) -> Report:
        given = Plan(engines=list(self.engines), **{"rounds": 3, **plan})
        lab: Any = self.lab
        return bench(GRAPH, {}, given, lab, prober=prober, clock=self.clock, used=self.used)


@pytest.fixture
def stubs(monkeypatch: pytest.MonkeyPatch) -> Bench:
    return Bench(monkeypatch)


def statuses(report: Report) -> dict[str, Status]:
    return {row.job.label: row.status for row in report.rows}


# -- a whole bench ---------------------------------------------------------------------------


def test_speed_ups_are_over_the_plain_module(stubs: Bench) -> None:
    stubs.add("quick", cost=0.25, fast=9.0)
    stubs.add("slow", cost=2.0)
    plain, quick, slow = stubs.run(batches=(4,)).rows
    assert [row.status for row in (plain, quick, slow)] == [Status.TIMED] * 3
    assert plain.speedup == Spread.of([1.0] * 3)
    assert quick.speedup is not None and quick.speedup.median == 4.0
    assert slow.speedup is not None and slow.speedup.median == 0.5
    assert quick.samples_per_second == 4 / 0.25
    assert (plain.auto, quick.auto, slow.auto) == (False, True, False)
    assert quick.share == 2 * total(GRAPH.phase("eval")).macs * 4 / 0.25 / 1e9


@pytest.mark.parametrize(("autotune", "picked"), [(False, "praised"), (True, "quick")])
def test_what_auto_picks_is_what_it_would_pick(stubs: Bench, autotune: bool, picked: str) -> None:
    stubs.add("praised", cost=1.0, fast=9.0)
    stubs.add("quick", cost=0.25)
    report = stubs.run(setting=Setting(autotune=autotune))
    assert [row.job.label for row in report.rows if row.auto] == [picked]


def test_wrong_outputs_are_reported_and_not_timed(stubs: Bench) -> None:
    stubs.add("right", off=5e-7)
    stubs.add("wrong", off=1e-3)
    stubs.add("nan", off=float("nan"))
    stubs.add("shape", found={"0": np.zeros((2, 4))})
    report = stubs.run()
    found = statuses(report)
    assert found.pop("torch") == found.pop("right") == Status.TIMED
    assert set(found.values()) == {Status.WRONG} and report.wrong
    rows = {row.job.label: row for row in report.rows}
    assert rows["wrong"].error == pytest.approx(1e-3)
    assert rows["wrong"].bound == pytest.approx(ROOM * 1e-7, rel=1e-6)
    assert rows["wrong"].seconds is None and rows["wrong"].speedup is None
    assert "1.0e-03 off; float32 explains 1.0e-06" in str(rows["wrong"].reason)
    assert rows["shape"].reason == "its outputs are (2, 4)"
    assert stubs.engines["wrong"].subject.calls == 0  # type: ignore[union-attr]


def test_a_smaller_type_is_held_to_what_the_plain_module_errs_in_it(stubs: Bench) -> None:
    stubs.lab.plain_by_dtype["bfloat16"] = stubs.subject("torch", 0.5, off=0.01)
    stubs.add("other", off=0.05)
    report = stubs.run(dtypes=("bfloat16",))
    assert [(row.job.label, row.job.setting.dtype, row.status) for row in report.rows] == [
        ("torch", "float32", Status.TIMED),
        ("torch", "bfloat16", Status.TIMED),
        ("other", "bfloat16", Status.TIMED),
    ]
    assert report.rows[1].speedup == Spread.of([2.0] * 3)
    assert not report.wrong and len(report.remarks) == 1


def test_a_type_in_which_nothing_is_exact_is_said(stubs: Bench) -> None:
    stubs.lab.plain_by_dtype["bfloat16"] = stubs.subject("torch", 0.5, off=0.1)
    told = stubs.run(dtypes=("bfloat16",)).remarks[-1]
    assert told.startswith("the plain module itself is 1.0e-01 off in bfloat16 at batch 1")


def test_what_refuses_or_fails_leaves_the_others(stubs: Bench) -> None:
    stubs.add("fine")
    stubs.engines["refuses"] = StubEngine("refuses", RuntimeError(), refuses="refuses: no lrn")
    stubs.engines["raises"] = StubEngine("raises", ValueError("two\nlines"))
    stubs.add("late", fails_at=6)
    report = stubs.run()
    assert statuses(report) == {
        "torch": Status.TIMED,
        "fine": Status.TIMED,
        "refuses": Status.REFUSED,
        "raises": Status.FAILED,
        "late": Status.FAILED,
    }
    reasons = {row.job.label: row.reason for row in report.rows}
    assert reasons["refuses"] == "refuses: no lrn"
    assert reasons["raises"] == "ValueError: two lines"
    assert reasons["late"] == "RuntimeError: out of luck"
    late = report.rows[-1]
    assert late.seconds is None and late.speedup is None


def test_a_refusal_alone_is_no_failure(stubs: Bench) -> None:
    stubs.engines["refuses"] = StubEngine("refuses", RuntimeError(), refuses="no")
    assert not stubs.run().wrong


def test_a_network_that_cannot_run_at_all_says_so(stubs: Bench) -> None:
    def broken(*given: Any) -> Any:
        raise ValueError("Expected more than 1 value per channel when training")

    stubs.lab.reference = broken  # type: ignore[method-assign]
    stubs.add("fine")
    report = stubs.run()
    assert set(statuses(report).values()) == {Status.FAILED}
    assert "more than 1 value per channel" in str(report.rows[0].reason)


def test_an_interrupt_keeps_the_rounds_before_it(stubs: Bench) -> None:
    stubs.add("quick")
    calls = stubs.engines["quick"].subject
    assert isinstance(calls, StubSubject)
    before = calls.call

    def interrupted() -> None:
        if calls.calls == 11:  # warm-up takes 3 calls, a turn 2: in the fifth round
            raise KeyboardInterrupt
        before()

    calls.call = interrupted  # type: ignore[method-assign]
    report = stubs.run(rounds=50, batches=(1, 16))
    assert report.interrupted
    (plain, quick) = report.rows  # batch 16 was not begun
    assert plain.seconds is not None and plain.seconds.count == 4
    assert quick.seconds is not None and quick.seconds.count == 4
    assert quick.speedup == Spread.of([2.0] * 4)


def test_memory_and_first_results_come_from_the_prober(stubs: Bench) -> None:
    stubs.add("fine")
    stubs.add("crashes")

    def prober(job: Any) -> Probe:
        if job.name == "crashes":
            raise Crashed("its process was ended by SIGSEGV")
        return Probe(2.5, 10_000_000)

    plain, fine, crashes = stubs.run(prober=prober).rows
    assert (fine.first, fine.memory) == (2.5, 10_000_000)
    assert crashes.status is Status.FAILED and "SIGSEGV" in str(crashes.reason)
    assert stubs.engines["crashes"].subject.calls == 0  # type: ignore[union-attr]
    assert plain.status is Status.TIMED


def test_memory_that_was_taken_is_seen_and_what_was_there_is_not() -> None:
    from inceptgraph.bench import _resident as resident

    if not Path("/proc/self/clear_refs").exists():
        pytest.skip("needs Linux")
    there = np.ones(20_000_000, dtype=np.uint8)
    taken = resident.watch()
    more = np.ones(50_000_000, dtype=np.uint8)
    del more
    found = taken()
    assert found is not None and 45_000_000 < found < 65_000_000 and there.all()


def test_a_tuned_allocator_is_said(stubs: Bench) -> None:
    assert "allocator" not in stubs.run().facts and not stubs.lab.kept
    report = stubs.run(setting=Setting(keep_memory=True))
    assert stubs.lab.kept and report.facts["allocator"] == "keeps freed memory"


# -- peers -----------------------------------------------------------------------------------


@pytest.fixture
def package(stubs: Bench, monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    """A package with models, as torchvision has them."""
    package, models = ModuleType("peerage"), ModuleType("peerage.models")
    package.__path__ = []  # type: ignore[attr-defined]
    models.lord = lambda: stubs.subject("lord", 0.5)  # type: ignore[attr-defined]
    models.number = 3  # type: ignore[attr-defined]
    package.earl = lambda: stubs.subject("earl", 0.1)  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "peerage", package)
    monkeypatch.setitem(sys.modules, "peerage.models", models)
    return package


def test_a_peer_with_other_weights_is_timed_and_said_not_to_be_compared(
    stubs: Bench, package: ModuleType
) -> None:
    _, peer, compiled = stubs.run(peers=["peerage:lord"], compile_peers=True).rows
    assert (peer.job.kind, peer.status) == (Kind.PEER, Status.TIMED)
    assert peer.error is None and "not compared" in str(peer.reason)
    assert peer.speedup == Spread.of([2.0] * 3)
    assert compiled.job.label == "peerage:lord (compiled)"


@pytest.mark.parametrize(("off", "told"), [(0.0, None), (0.5, "is another network")])
def test_a_peer_is_compared_where_its_weights_fit(
    stubs: Bench, package: ModuleType, off: float, told: str | None
) -> None:
    stubs.lab.peer_outputs = {"0": WANTED["0"] + off}
    report = stubs.run(peers=["peerage:lord"])
    peer = report.rows[1]
    assert peer.status is Status.TIMED and not report.wrong
    assert peer.error == pytest.approx(off / np.abs(WANTED["0"] + off).max())
    assert peer.reason is None if told is None else told in str(peer.reason)


def test_peers_are_found_in_a_package_and_in_its_models(package: ModuleType) -> None:
    assert find_peer("peerage:earl") is package.earl
    assert find_peer("peerage:lord")().name == "lord"
    assert (
        find_peer("collections:OrderedDict.fromkeys")
        == __import__("collections").OrderedDict.fromkeys
    )


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("peerage", "is not `package:name`"),
        ("peerage:", "is not `package:name`"),
        ("no_such_package:x", "cannot be imported: ModuleNotFoundError"),
        ("peerage:lard", "`peerage` has no `lard` that can be called"),
        ("peerage:number", "`peerage` has no `number` that can be called"),
    ],
)
def test_a_peer_that_is_not_there_is_refused(package: ModuleType, name: str, message: str) -> None:
    with pytest.raises(SpecError, match=message) as caught:
        find_peer(name)
    if name == "peerage:lard":
        assert "lord" in str(caught.value.diagnostics[0].help)


# -- rounds ----------------------------------------------------------------------------------


def test_turns_are_interleaved_and_settled_by_one_call() -> None:
    clock, log = Clock(), []
    subjects = {
        name: StubSubject(name, clock, TURN * cost, log=log)
        for name, cost in (("a", 2.0), ("b", 0.25))
    }
    found = list(rounds(subjects, Budget(rounds=2), clock))
    warm_up = ["a", "a", "", "a", "", "b", "b", "", "b", ""]
    turn = {"a": ["a", "", "a", ""], "b": ["b", "", "b", "b", "b", "b", ""]}
    assert log == [*warm_up, *turn["a"], *turn["b"], *turn["b"], *turn["a"]]
    for each in found:
        assert each.seconds == pytest.approx({"a": 2 * TURN, "b": TURN / 4})


@pytest.mark.parametrize("count", range(1, 7))
def test_everyone_is_first_as_often_and_follows_everyone_equally_on_both_sides(count: int) -> None:
    keys = tuple(range(count))
    orders = [order(keys, number) for number in range(2 * count)]
    assert all(sorted(each) == list(keys) for each in orders)
    assert sorted(each[0] for each in orders) == sorted([*keys, *keys])
    followed = [pair for each in orders for pair in itertools.pairwise(each)]
    assert all(followed.count((b, a)) == followed.count((a, b)) for a, b in followed)


def test_time_ends_the_rounds_but_not_before_there_are_enough() -> None:
    for seconds, wanted in ((0.001, LEAST_ROUNDS), (20.5, 11)):
        clock = Clock()
        subjects = {"a": StubSubject("a", clock, 1.0)}  # 2 s a round, with the call that settles
        assert len(list(rounds(subjects, Budget(seconds=seconds), clock))) == wanted


def test_who_fails_has_no_more_turns() -> None:
    clock = Clock()
    subjects = {
        "a": StubSubject("a", clock, 1.0),
        "cold": StubSubject("cold", clock, 1.0, fails_at=2),
        "late": StubSubject("late", clock, 1.0, fails_at=7),
    }
    first, *found = rounds(subjects, Budget(rounds=4), clock)
    assert not first.seconds and list(first.failures) == ["cold"]
    assert [sorted(each.seconds) for each in found] == [["a", "late"], ["a"], ["a"], ["a"]]
    assert [list(each.failures) for each in found] == [[], ["late"], [], []]


# -- figures ---------------------------------------------------------------------------------


def test_errors_are_relative_to_the_largest_element_of_their_output() -> None:
    wanted = {"a": np.array([1.0, -4.0]), "b": np.array([100.0, 0.0])}
    assert relative_error({"a": wanted["a"] + 0.4, "b": wanted["b"]}, wanted) == pytest.approx(0.1)
    assert relative_error({"b": wanted["b"] + 1, "a": wanted["a"]}, wanted) == pytest.approx(0.01)
    assert relative_error({"x": wanted["a"], "y": wanted["b"]}, wanted) == 0.0
    assert relative_error({"a": wanted["a"] * np.inf, "b": wanted["b"]}, wanted) == np.inf
    assert relative_error({"a": np.ones(2)}, {"a": np.zeros(2)}) == np.inf
    assert not same_form({"a": wanted["a"]}, wanted)


def test_a_bound_follows_the_plain_module_and_is_never_below_roundoff() -> None:
    assert bound("float32", 1e-6, 22) == pytest.approx(1e-5)
    assert bound("float32", 0.0, 22) == ROOM * ROUNDOFF["float32"]
    assert bound("bfloat16", None, 4) == ROOM * 4 * 2**-8
    # what is no number excuses nobody
    assert bound("float16", np.inf, 4) == ROOM * 4 * 2**-11
    assert bound("float32", 1e-6, 4, np.inf) == bound("float32", 1e-6, 4, None)
    # another order of summation excuses others where it errs much more
    assert bound("float32", 1e-6, 4, 2e-6) == pytest.approx(1e-5)
    assert bound("float32", 1e-6, 4, 2e-5) == pytest.approx(ROOM_OF_ORDER * 2e-5)


@pytest.mark.parametrize(("off", "status"), [(3.9e-5, Status.TIMED), (4.1e-5, Status.WRONG)])
def test_the_plain_module_in_another_order_is_as_right(
    stubs: Bench, off: float, status: Status
) -> None:
    stubs.lab.reordered_by_dtype["float32"] = stubs.subject("reordered", 1.0, off=2e-5)
    stubs.add("other", off=off)
    report = stubs.run()
    assert statuses(report)["other"] == status
    assert report.rows[1].bound == pytest.approx(4e-5)


def test_a_training_step_is_three_passes_with_the_heads() -> None:
    whole, network = total(GRAPH).macs, total(GRAPH.phase("eval")).macs
    assert whole > network
    assert flops(GRAPH, 8, train=False) == 2 * 8 * network
    assert flops(GRAPH, 8, train=True) == 3 * 2 * 8 * whole


def test_a_plan_has_the_baseline_once_for_each_type() -> None:
    plan = Plan(engines=["a"], dtypes=("bfloat16", "float16"), setting=Setting(train=True))
    jobs = list(plan.jobs(7))
    assert [(job.label, job.setting.dtype) for job in jobs] == [
        ("torch", "float32"),
        ("torch", "bfloat16"),
        ("a", "bfloat16"),
        ("torch", "float16"),
        ("a", "float16"),
    ]
    assert {(job.setting.batch, job.setting.train) for job in jobs} == {(7, True)}
    assert [job.is_baseline for job in jobs] == [True, *[False] * 4]


def test_the_processor_is_read_from_the_kernel(tmp_path: Path) -> None:
    told = tmp_path / "cpuinfo"
    told.write_text(
        "model name\t: Abacus 3000\nflags\t: fpu avx2 avx512f avx512_bf16 amx_tile vmx\n"
    )
    found = processor(told)
    assert found["processor"] == "Abacus 3000"
    assert found["instructions"] == "avx2, avx512f, avx512_bf16, amx_tile"
    assert int(found["cores"]) >= 1
    assert "instructions" not in processor(tmp_path / "none")


def test_what_was_used_is_read_from_the_kernel(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(os, "sched_getaffinity", lambda process: {0, 2}, raising=False)
    monkeypatch.setattr(os, "sysconf", lambda name: 100, raising=False)
    stat, more = tmp_path / "stat", "9 9 1000 1000 1 1 5 9 9"
    stat.write_text(f"cpu 1 {more}\ncpu0 100 {more}\ncpu1 9000 {more}\ncpu2 300 {more}\nintr 1\n")
    found = used(stat)
    assert found is not None and found.cores == 2
    # 25 of system, nice, interrupts and what was stolen; no idle time, no disk, no guest twice
    assert found.all == pytest.approx((100 + 300 + 2 * 25) / 100)
    stat.write_text(f"cpu0 100 {more}\n")
    assert used(stat) is None and used(tmp_path / "none") is None


def test_what_others_use_is_told_from_what_we_use() -> None:
    moments = [Used(0.0, 2, 50.0, 1.0), Used(10.0, 2, 65.0, 11.0), Used(20.0, 2, 90.0, 12.0)]
    others = Others([*moments[:2], *moments[1:]][::-1].pop)
    assert others.share is None
    with others:
        pass
    assert others.share == (15 - 10) / 20
    with others:
        pass
    assert others.share == (15 - 10 + 25 - 1) / 40


@pytest.mark.parametrize("read", [lambda: None, lambda: Used(next(MOMENT), 2, 0.0, next(MOMENT))])
def test_a_kernel_that_does_not_tell_says_nothing(read: Any) -> None:
    others = Others(read)
    with others:
        pass
    assert others.share is None


MOMENT = itertools.count()


def test_engines_without_an_extra_have_no_versions() -> None:
    assert library_versions(["eager", "no-such-engine"]) == {}


# -- what is shown ---------------------------------------------------------------------------

NUMBER = {"type": "number"}
OPTIONAL = {"type": ["number", "null"]}
SPREAD = {
    "type": ["object", "null"],
    "properties": {
        **dict.fromkeys(("median", "low", "high", "least", "most"), NUMBER),
        "count": {"type": "integer"},
    },
    "required": ["median", "low", "high", "least", "most", "count"],
    "additionalProperties": False,
}
ROW = {
    "name": {"type": "string"},
    "kind": {"enum": ["plain", "engine", "peer", "compiled peer"]},
    "batch": {"type": "integer"},
    "dtype": {"enum": list(engines.DTYPES)},
    "device": {"type": "string"},
    "train": {"type": "boolean"},
    "status": {"enum": ["timed", "wrong", "refused", "failed", "unfinished"]},
    "reason": {"type": ["string", "null"]},
    "auto": {"type": "boolean"},
    "error": OPTIONAL,
    "bound": OPTIONAL,
    "samples_per_second": OPTIONAL,
    "share_of_peak": OPTIONAL,
    "first_result_seconds": OPTIONAL,
    "seconds": SPREAD,
    "speedup": SPREAD,
    "uncertainty": OPTIONAL,
    "flops": {"type": "integer"},
    "memory_bytes": {"type": ["integer", "null"]},
}
SCHEMA = {
    "type": "object",
    "properties": {
        "network": {"type": "string"},
        "facts": {"type": "object", "additionalProperties": {"type": "string"}},
        "peak_flops_per_second": {"type": "object", "additionalProperties": NUMBER},
        "remarks": {"type": "array", "items": {"type": "string"}},
        "other_processes_share": {"type": ["number", "null"], "minimum": 0, "maximum": 1},
        "not_installed": {"type": "object", "additionalProperties": {"type": "string"}},
        "interrupted": {"type": "boolean"},
        "rows": {
            "type": "array",
            "items": {
                "type": "object",
                "properties": ROW,
                "required": list(ROW),
                "additionalProperties": False,
            },
        },
    },
    "required": [
        "network",
        "facts",
        "peak_flops_per_second",
        "remarks",
        "other_processes_share",
        "not_installed",
    ],
    "additionalProperties": False,
}


@pytest.fixture
def report(stubs: Bench) -> Report:
    """With everything that can become of a job."""
    stubs.add("quick", cost=0.25, fast=9.0)
    stubs.add("wrong", off=float("inf"))
    stubs.engines["refuses"] = StubEngine("refuses", RuntimeError(), refuses="no `lrn`")
    stubs.lab.plain_by_dtype["float16"] = stubs.subject("torch", 0.8, off=1e-3)
    found = stubs.run(batches=(1, 16), dtypes=("float32", "float16"))
    return replace(found, missing={"far": "pip install far"})


def test_json_has_a_schema_and_no_infinities(report: Report) -> None:
    text = json.dumps(report.as_dict(), allow_nan=False)
    jsonschema.validate(json.loads(text), SCHEMA)


def test_the_table_shows_every_row_and_says_why(
    report: Report, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("COLUMNS", raising=False)
    text = as_text(report)
    lines = text.splitlines()
    start = next(i for i, line in enumerate(lines) if line.split()[:2] == ["batch", "engine"])
    first = lines[start + 1].split()
    assert first[:6] == ["1", "torch", "float32", "1,000", "1,000…1,000", "1.00"]
    assert any(line.split()[:5] == ["16", "quick", "*", "float32", "250"] for line in lines)
    assert "wrong, batch 1, float32; wrong, batch 16, float32: WRONG: its outputs are inf" in text
    assert "\nrefuses: no `lrn`\n" in text  # in every setting
    assert "not installed: far (pip install far)" in text
    assert "warning: `stem` gives zeros alone" in text
    assert "* is what `auto` picks." in text


@pytest.mark.parametrize(
    ("bad", "told"), [({"off": 1e-3}, "is wrong here"), ({"fails_at": 1}, "fails here")]
)
def test_no_star_is_on_what_was_found_to_be_wrong(
    stubs: Bench, bad: dict[str, Any], told: str
) -> None:
    stubs.add("praised", fast=9.0, **bad)
    stubs.add("right")
    text = as_text(stubs.run())
    assert "*" not in text
    assert f"warning: `auto` would pick praised, batch 1, float32, which {told}" in text


def doubts(report: Report) -> list[str]:
    told = [line for line in as_text(report).splitlines() if line.startswith("warning: ")]
    return [line.removeprefix("warning: ") for line in told if "stem" not in line]


def test_what_others_took_of_the_processor_is_said(stubs: Bench) -> None:
    stubs.add("quick", cost=0.25)
    quiet = stubs.run(rounds=5, batches=(1, 16))
    assert quiet.others == 0.0 and not doubts(quiet)
    stubs.others = 0.3
    busy = stubs.run(rounds=5, batches=(1, 16))
    assert busy.others == pytest.approx(0.3)
    assert busy.as_dict()["other_processes_share"] == busy.others
    (told,) = doubts(busy)
    assert told.startswith("other processes took 30% of the processor while it was timed")


@pytest.mark.parametrize(("steps", "told"), [([1.0, 1.01], []), ([1.0, 2.0], ["±37%"])])
def test_figures_that_are_uncertain_are_said(
    stubs: Bench, steps: list[float], told: list[str]
) -> None:
    """Of rounds that take so long in turn; a bench of four times the rounds knows twice as much."""
    stubs.add("upset", cost=1.0)
    subject: Any = stubs.engines["upset"].subject
    call = subject.call

    def hindered() -> None:
        call()
        stubs.clock.now += steps[subject.calls // 2 % 2] - 1.0

    subject.call = hindered
    few, many = stubs.run(rounds=8), stubs.run(rounds=32)
    uncertain = [row.uncertainty for row in (few.rows[1], many.rows[1])]
    assert uncertain[0] == pytest.approx(2 * uncertain[1])
    assert [each.partition(": measure")[0].rpartition(" ")[2] for each in doubts(few)] == told
    assert few.rows[0].uncertainty == 0.0  # a ratio to itself


def test_of_few_rounds_nothing_is_known(stubs: Bench) -> None:
    stubs.add("quick", cost=0.25)
    report = stubs.run(rounds=4)
    assert [row.uncertainty for row in report.rows] == [None, None]
    assert doubts(report) == ["fewer than 5 rounds do not tell how certain the figures are"]


@pytest.mark.parametrize("format", ["svg", "png", "pdf"])
def test_a_plot_is_drawn(report: Report, format: str) -> None:
    draw = pytest.importorskip("inceptgraph.bench._plot").draw
    found = draw(report, format)
    assert found.startswith({"svg": b"<?xml", "png": b"\x89PNG", "pdf": b"%PDF"}[format])
    if format != "png":
        assert draw(report, format) == found  # nothing of the day it was drawn on
    assert draw(replace(report, rows=()), format)


def test_a_plot_shows_doubts(report: Report) -> None:
    draw = pytest.importorskip("inceptgraph.bench._plot").draw
    told = b"other processes took"  # letters are drawn, and the words stand in comments
    assert told in draw(replace(report, others=0.72), "svg")
    assert told not in draw(replace(report, others=0.01), "svg")


# -- the command line ------------------------------------------------------------------------


@pytest.fixture
def spec(tmp_path: Path) -> str:
    path = tmp_path / "tiny.yaml"
    path.write_text(TINY, encoding="utf-8")
    return str(path)


QUICK = ("--engine", "eager", "--rounds", "2")


@pytest.fixture
def brief(monkeypatch: pytest.MonkeyPatch) -> None:
    """Turns of one call, and peaks that are no such: figures are not what is tested."""
    monkeypatch.setattr("inceptgraph.measure._rounds.TURN", 0.0)
    monkeypatch.setattr("inceptgraph_torch.bench.peak.SECONDS", 0.0)


def test_the_torch_backend_measures() -> None:
    from inceptgraph.backend import find

    assert isinstance(find("torch"), BenchBackend) and isinstance(find("torch"), MeasuringBackend)


def test_a_backend_without_a_lab_is_refused() -> None:
    with pytest.raises(
        SpecError, match="`graphviz` cannot run a bench: it does not implement `bench_lab`"
    ):
        find_bench_lab("graphviz")
    with pytest.raises(SpecError, match="`graphviz` cannot measure: it does not implement `lab`"):
        find_lab("graphviz")


# -- from Python -----------------------------------------------------------------------------


@pytest.fixture
def offline(stubs: Bench, monkeypatch: pytest.MonkeyPatch) -> Bench:
    """Stubs in the place of torch's lab, whose graphs every backend supports."""
    monkeypatch.setattr("inceptgraph.bench._run_plan.find_bench_lab", lambda: stubs.lab)
    monkeypatch.setattr("inceptgraph.measure._rounds.TURN", 0.0)
    return stubs


def test_a_whole_bench_takes_all_engines_that_are_installed(offline: Bench) -> None:
    offline.add("quick", cost=0.25)
    offline.add("far")
    offline.engines["far"].needs = "pip install far"
    told: list[str] = []
    report = run_plan(GRAPH, Plan(rounds=1, memory=False), progress=told.append)
    assert list(statuses(report)) == ["torch", "quick"]
    assert report.missing == {"far": "pip install far"}
    assert told[0] == "weights: drawing"
    assert "batch 1: timing 2 side by side, 1 rounds" in told


def test_a_whole_bench_takes_the_engines_of_its_plan(offline: Bench) -> None:
    for name in ("quick", "other"):
        offline.add(name)
    report = run_plan(GRAPH, Plan(engines=["other"], rounds=1, memory=False))
    assert list(statuses(report)) == ["torch", "other"] and not report.missing


def test_compilers_find_empty_caches_and_the_user_his_own(
    offline: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("INCEPTGRAPH_CACHE", "mine")
    monkeypatch.delenv("TORCHINDUCTOR_CACHE_DIR", raising=False)
    seen: list[tuple[str | None, ...]] = []

    def caches() -> tuple[str | None, ...]:
        return tuple(map(os.environ.get, ("INCEPTGRAPH_CACHE", "TORCHINDUCTOR_CACHE_DIR")))

    def prober(*given: Any, **more: Any) -> Probe:
        folder = os.environ["INCEPTGRAPH_CACHE"]
        assert not any(Path(folder).iterdir())
        seen.append(caches())
        return Probe(1.0, None)

    monkeypatch.setattr("inceptgraph.bench._run_plan.probe", prober)
    run_plan(GRAPH, Plan(engines=[], rounds=1))
    ((ours, inductor),) = seen
    assert ours == inductor != "mine"
    assert caches() == ("mine", None)


@pytest.mark.parametrize(
    ("spec", "plan", "message"),
    [
        ("no_such_spec", {}, "no_such_spec"),
        (GRAPH, {"engines": ["eagr"]}, "there is no engine `eagr`"),
        (GRAPH, {"engines": ["auto"]}, "`auto` is no engine of its own"),
        (GRAPH, {"engines": [], "peers": ["nothing"]}, "is not `package:name`"),
    ],
)
def test_a_plan_that_cannot_be_run_is_refused(
    offline: Bench, spec: Any, plan: dict[str, Any], message: str
) -> None:
    with pytest.raises(SpecError, match=message):
        run_plan(spec, Plan(rounds=1, memory=False, **plan))


@pytest.mark.usefixtures("brief")
def test_the_example_of_the_documentation_runs(capsys: pytest.CaptureFixture[str]) -> None:
    page = (ROOT / "docs" / "bench.md").read_text(encoding="utf-8")
    (code,) = re.findall(r"^```python\n(.*?)^```$", page, re.MULTILINE | re.DOTALL)
    exec(code, {"__name__": "__main__"})
    told = capsys.readouterr().out
    assert "eager, batch 1, float32: " in told and "eager, batch 16, float32: " in told


@pytest.mark.usefixtures("brief")
def test_the_verb_measures(spec: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    picture = tmp_path / "bench.svg"
    assert run_command(["bench", spec, *QUICK, "--json", "-o", str(picture)]) == 0
    captured = capsys.readouterr()
    found = json.loads(captured.out)
    jsonschema.validate(found, SCHEMA)
    assert [(row["name"], row["status"]) for row in found["rows"]] == [
        ("torch", "timed"),
        ("eager", "timed"),
    ]
    for row in found["rows"]:
        assert row["error"] < 1e-5 and row["seconds"]["count"] == 2
        assert row["first_result_seconds"] > 0
        if sys.platform == "linux":
            assert row["memory_bytes"] > 0
    assert found["peak_flops_per_second"]["float32"] > 1e6
    assert picture.read_bytes().startswith(b"<?xml")
    assert "timing 2 side by side, 2 rounds" in captured.err


@pytest.mark.usefixtures("brief")
def test_the_verb_times_training_steps(spec: str, capsys: pytest.CaptureFixture[str]) -> None:
    options = ("--train", "--batch", "4", "--dtype", "f32,bf16", "--no-memory")
    assert run_command(["bench", spec, *QUICK, *options]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert "measured: a training step on cpu, medians of interleaved rounds" in lines
    assert sum(line.startswith(("torch ", "eager ")) for line in lines) == 4


@pytest.mark.usefixtures("brief")
def test_weights_that_are_no_numbers_are_told(
    spec: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Else every engine seems to be wrong."""
    import torch

    state = inceptgraph.compile(spec, seed=0).state_dict()
    next(iter(state.values())).view(-1)[0] = float("nan")
    torch.save(state, tmp_path / "nan.pth")
    run_command(["bench", spec, *QUICK, "--weights", str(tmp_path / "nan.pth"), "--no-memory"])
    assert f"warning: {next(iter(state))} holds NaN" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("arguments", "code", "message"),
    [
        (("--engine", "eagr"), 1, "there is no engine `eagr`"),
        (("--engine", ","), 2, "is a list of engines"),
        (("--batch", "0"), 2, "is a list of whole numbers, each 1 or more, such as 1,16"),
        (("--batch", "1,x"), 2, "is a list of whole numbers"),
        (("--dtype", "int8"), 2, "`int8` is none of float32"),
        (("--engine", "eager", "--dtype", "tf32"), 1, "there is no tf32 on `cpu`"),
        (("--engine", "eager", "--device", "abacus"), 1, "the device `abacus` cannot be used"),
        (("--against", "nothing"), 1, "is not `package:name`"),
        (("-o", "bench.txt"), 2, "ends in .svg, .png or .pdf"),
        (("--remap", "x.yaml"), 2, "give it with --weights"),
        (("--rounds", "0"), 2, "not in the range"),
    ],
)
def test_what_cannot_be_measured_is_refused(
    spec: str,
    arguments: tuple[str, ...],
    code: int,
    message: str,
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert run_command(["bench", spec, *arguments]) == code
    assert message in capsys.readouterr().err


def test_a_plot_without_matplotlib_says_what_installs_it(
    spec: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    assert run_command(["bench", spec, *QUICK, "-o", "bench.svg"]) == 2
    assert 'pip install "inceptgraph[bench]"' in capsys.readouterr().err


def test_a_plot_with_nowhere_to_go_is_refused_before_anything_is_measured(
    spec: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    place = tmp_path / "none" / "bench.svg"
    assert run_command(["bench", spec, *QUICK, "-o", str(place)]) == 2
    told = capsys.readouterr().err
    assert "there is no folder" in told and "preparing" not in told


def test_auto_is_no_engine_to_measure(spec: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert run_command(["bench", spec, "--engine", "auto"]) == 2
    assert "`auto` is no engine of its own" in capsys.readouterr().err


@pytest.mark.usefixtures("brief")
def test_wrong_outputs_end_with_1(
    spec: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    from inceptgraph_torch.engines import EagerEngine

    right = EagerEngine.prepare

    def wrong(self: Any, graph: Graph, tensors: Any, setting: Setting) -> Any:
        module = right(self, graph, tensors, setting)
        module.register_forward_hook(lambda layer, given, found: found + 1e-3)
        return module

    monkeypatch.setattr(EagerEngine, "prepare", wrong)
    assert run_command(["bench", spec, *QUICK, "--no-memory"]) == 1
    assert "WRONG: its outputs are" in capsys.readouterr().out


# -- torch -----------------------------------------------------------------------------------


def test_random_weights_leave_nothing_degenerate() -> None:
    """With its initial weights this one fades to denormal numbers; and so does no other."""
    import torch

    from inceptgraph_torch import lower
    from inceptgraph_torch.bench import TorchBenchLab
    from inceptgraph_torch.bench.calibrate import degenerate
    from inceptgraph_torch.measure.subject import inputs_of

    faded = to_graph(
        Source(
            "faded.yaml",
            "name: Faded\ninput: {channels: 3, height: 8, width: 8}\n"
            "defaults: {conv2d: {weight_init: {scheme: normal, std: 1.0e-8}}}\nstages:\n"
            + "".join(f"  c{i}: {{op: conv2d, out: 4, kernel: 3, padding: 1}}\n" for i in range(6)),
        )
    )
    inputs = inputs_of(faded, 2)
    assert any("denormal" in told for told in degenerate(lower(faded, seed=0), inputs))
    lab = TorchBenchLab()
    tensors = lab.weights(faded, None, seed=0)
    assert lab.remarks(faded, tensors) == []
    found = lab.reference(faded, tensors, Setting(batch=4))["0"]
    assert 0.5 < np.sqrt(np.square(found).mean()) < 2.0
    assert tensors.keys() == faded.originals.keys()
    assert all(torch.from_numpy(value).abs().max() > 0 for value in tensors.values())


def test_degenerate_numbers_are_named() -> None:
    import torch
    from torch import nn

    from inceptgraph_torch.bench.calibrate import degenerate

    net = nn.Sequential(nn.Linear(2, 2), nn.Linear(2, 2))
    for layer, value in zip(net, (0.0, float("nan")), strict=True):
        nn.init.constant_(layer.weight, value)
        nn.init.zeros_(layer.bias)
    zeros, infinite = degenerate(net, [torch.ones(1, 2)])
    assert zeros.startswith("`0` gives zeros alone")
    assert infinite.startswith("`1` gives numbers that are not finite")


@pytest.mark.parametrize("train", [False, True])
def test_the_plain_module_is_near_its_reference_and_its_training_step_is_that_of_sgd(
    train: bool,
) -> None:
    from inceptgraph_torch.bench import TorchBenchLab

    lab, setting = TorchBenchLab(), Setting(batch=8, train=train)
    tensors = lab.weights(GRAPH, None, seed=0)
    wanted = lab.reference(GRAPH, tensors, setting)
    found = lab.subject(lab.plain(GRAPH, tensors, setting), GRAPH, setting).outputs()
    assert relative_error(found, wanted) < 1e-4
    if train:
        moved = {name: found[f"{name} after a step"] for name in ("logits", "aux")}
        assert set(found) == {*moved, *(f"{name} after a step" for name in moved)}
        before = {name: found[name] for name in moved}
        # what a wrong gradient would leave as it was is far above what rounding makes
        assert relative_error(moved, before) > 1e-3


def test_the_step_that_is_timed_changes_no_weight() -> None:
    import torch

    from inceptgraph_torch.bench import TorchBenchLab

    lab, setting = TorchBenchLab(), Setting(batch=4, train=True)
    module = lab.plain(GRAPH, lab.weights(GRAPH, None, seed=0), setting)
    subject = lab.subject(module, GRAPH, setting)
    before = [parameter.clone() for parameter in module.parameters()]
    subject.call()
    assert all(p.grad is not None for p in module.parameters())
    assert all(map(torch.equal, before, module.parameters()))
    subject.outputs()
    assert not all(map(torch.equal, before, module.parameters()))


def test_a_peer_that_is_the_network_is_compared_through_its_weights() -> None:
    import torch

    from inceptgraph_torch import lower
    from inceptgraph_torch.bench import TorchBenchLab

    lab = TorchBenchLab()
    for factory, same in (
        (lambda: lower(GRAPH.phase("eval"), seed=5), True),
        (lambda: lower(GRAPH, seed=5), True),
        (lambda: torch.nn.Sequential(torch.nn.Flatten(), torch.nn.Linear(768, 5)), False),
    ):
        peer = lab.peer(lab.draw_peer(factory, GRAPH), Setting(batch=2), compiled=False)
        found = lab.subject(peer, GRAPH, Setting(batch=2)).outputs()
        wanted = lab.peer_reference(peer, GRAPH, Setting(batch=2))
        assert (wanted is not None) is same
        assert wanted is None or relative_error(found, wanted) < 1e-5


@pytest.mark.gpu
def test_a_gpu_is_measured(spec: str, capsys: pytest.CaptureFixture[str]) -> None:
    import torch

    if not torch.cuda.is_available():
        pytest.skip("needs a CUDA device; there is none")
    options = ("--device", "cuda", "--dtype", "f32,tf32,bf16", "--batch", "4", "--json")
    assert run_command(["bench", spec, *QUICK, *options]) == 0
    found = json.loads(capsys.readouterr().out)
    jsonschema.validate(found, SCHEMA)
    assert "cuda" in found["facts"] and "device" in found["facts"]
    assert set(found["peak_flops_per_second"]) == {"float32", "tf32", "bfloat16"}
    assert all(row["status"] == "timed" and row["memory_bytes"] > 0 for row in found["rows"])


@pytest.mark.slow
@pytest.mark.parametrize("train", [False, True])
def test_a_compiled_peer_is_compiled_and_gives_the_same(train: bool) -> None:
    import torch
    from torch._dynamo.utils import counters

    from inceptgraph_torch import lower
    from inceptgraph_torch.bench import TorchBenchLab

    lab, setting = TorchBenchLab(), Setting(batch=2, train=train)
    found = []
    for compiled in (False, True):
        counters.clear()
        peer = lab.peer(lab.draw_peer(lambda: lower(GRAPH), GRAPH), setting, compiled=compiled)
        found.append(lab.subject(peer, GRAPH, setting).outputs())
        assert bool(counters["stats"]["unique_graphs"]) is compiled
    assert relative_error(*found) < 1e-3
    torch._dynamo.reset()


@pytest.mark.slow
def test_a_process_of_its_own_tells_how_it_ended() -> None:
    from inceptgraph.bench import Job, probe

    tensors = find_bench_lab().weights(GRAPH, None, seed=0)
    with pytest.raises(SpecError, match="there is no engine `nobody`"):
        probe("torch", Job(Kind.ENGINE, "nobody", Setting()), GRAPH, tensors)
    with pytest.raises(Crashed, match="its process was ended by SIGABRT"):
        probe("torch", Job(Kind.PEER, "os:abort", Setting()), GRAPH, tensors)


@pytest.fixture(autouse=True)
def _forget_compiled() -> Iterator[None]:
    yield
    if "torch" in sys.modules:
        sys.modules["torch"]._dynamo.reset()
