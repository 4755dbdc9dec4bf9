"""`auto` with `autotune`: who is timed, who is left out, who wins, and what is said of it. The
logic runs on a clock that stubs move; the real engines are held to their outputs alone."""

from __future__ import annotations

import logging
import subprocess
import sys
import weakref
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Any

import numpy as np
import pytest
import torch
from agreement import arrays, assert_close, expected, randomized, samples
from stub_bench import GRAPH, WANTED, Clock, StubEngine, StubLab, StubSubject, offer
from tiny_network import TINY, images
from torch import nn

import inceptgraph
from inceptgraph import engine as engines
from inceptgraph.diagnostics import Code, Diagnostic, Source, SpecError
from inceptgraph.engine import Choice, Setting, prepare
from inceptgraph.engine import _autotune as module_under_test
from inceptgraph.engine._autotune import BEHIND, HEATS, Untimed, fastest
from inceptgraph.measure._rounds import LEAST_ROUNDS

SPEC = Source("tiny.yaml", TINY)
SLOW = {"inductor", "native"}
"""Compile for seconds."""


@dataclass
class Race:
    """Stubs on a clock of theirs."""

    monkeypatch: pytest.MonkeyPatch
    clock: Clock = field(default_factory=Clock)
    engines: dict[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        plain = StubSubject("torch", self.clock, 1.0, off=1e-7)
        self.lab: Any = StubLab(self.clock, {"float32": plain})
        offer(self.monkeypatch, self.engines)
        self.monkeypatch.setattr(module_under_test, "find_lab", lambda: self.lab)

    def add(self, name: str, cost: float, fast: float = 1.0, **more: Any) -> StubSubject:
        subject = StubSubject(name, self.clock, cost, **more)
        self.engines[name] = StubEngine(name, subject, fast)
        return subject

    def run(self, **setting: Any) -> tuple[Any, Choice]:
        return fastest(GRAPH, {}, Setting(**setting), clock=self.clock)


@pytest.fixture
def race(monkeypatch: pytest.MonkeyPatch) -> Race:
    return Race(monkeypatch)


def warnings(caplog: pytest.LogCaptureFixture) -> list[str]:
    return [each.getMessage() for each in caplog.records if each.levelno >= logging.WARNING]


# -- who wins --------------------------------------------------------------------------------


def test_the_fastest_wins_whatever_is_expected_of_it(race: Race) -> None:
    race.add("praised", 0.25, fast=9.0)
    race.add("quick", 0.2, fast=1.0)
    race.add("slow", 1.0, fast=5.0)
    module, choice = race.run(batch=4)
    assert module.name == "quick"
    assert str(choice) == (
        "quick: the fastest of those timed here for inference on cpu in float32, 4 at a time: "
        "quick 200 ms, praised 250 ms, slow 1,000 ms"
    )


def test_who_is_far_behind_drops_out_early(race: Race) -> None:
    quick, near, far = (
        race.add("quick", 0.2),
        race.add("near", 0.2 * BEHIND),
        race.add("far", 0.21 * BEHIND),
    )
    race.run()
    warm_up, turn = 3, 2
    assert far.calls == warm_up + HEATS * turn
    assert quick.calls == near.calls >= 2 * warm_up + (HEATS + LEAST_ROUNDS) * turn


def test_one_that_was_hindered_in_the_first_round_stays(race: Race) -> None:
    race.add("steady", 0.2)
    quick = race.add("quick", 0.19)
    call = quick.call

    def hindered() -> None:
        call()
        race.clock.now += 9.0 * (quick.calls == 5)

    quick.call = hindered  # type: ignore[method-assign]
    assert race.run()[1].engine.name == "quick"


def test_one_that_is_slow_once_is_not_beaten_by_that(race: Race) -> None:
    steady, upset = race.add("steady", 0.2), race.add("upset", 0.19)
    call = upset.call

    def hindered() -> None:
        call()
        race.clock.now += 0.05 * (upset.calls == 12)  # in one of the later rounds

    upset.call = hindered  # type: ignore[method-assign]
    assert race.run()[1].engine.name == "upset"
    assert steady.calls > 12 < upset.calls


def test_who_was_behind_does_not_win_because_the_machine_became_slower(race: Race) -> None:
    heats = 3 + HEATS * 2
    for name, cost in (("quick", 0.2), ("near", 0.21), ("far", 0.4)):
        subject = race.add(name, cost)
        subject.call = partial(disturbed, subject, subject.call, heats)  # type: ignore[method-assign]
    _, choice = race.run()
    assert choice.engine.name == "quick"
    assert choice.why.endswith("quick 600 ms, near 630 ms, far 400 ms")


def disturbed(subject: StubSubject, call: Callable[[], None], quiet: int) -> None:
    """Takes three times as long after some calls."""
    call()
    subject.clock.now += 2 * subject.cost * (subject.calls > quiet)


# -- who is left out -------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("more", "reason"),
    [
        ({"off": 1e-3}, "its outputs are 1.0e-03 off; float32 explains 1.0e-06"),
        ({"off": float("nan")}, "its outputs are inf off; float32 explains 1.0e-06"),
        ({"found": {"0": np.zeros((2, 4))}}, "its outputs are (2, 4)"),
        ({"fails_at": 2}, "RuntimeError: out of luck"),
        ({"fails_at": 8}, "RuntimeError: out of luck"),
        ({"fails_at": 16}, "RuntimeError: out of luck"),
    ],
)
def test_one_that_is_wrong_or_fails_is_left_out_and_named(
    race: Race, caplog: pytest.LogCaptureFixture, more: dict[str, Any], reason: str
) -> None:
    race.add("best", 0.01, fast=9.0, **more)
    race.add("right", 0.0101, off=5e-7)
    module, choice = race.run()
    assert module.name == "right"
    told = f"the engine `best` is left out: {reason}"
    assert choice.why.endswith(f": right 10.1 ms; {told}")
    assert warnings(caplog) == [told]


def test_one_that_cannot_be_prepared_is_passed_over(
    race: Race, caplog: pytest.LogCaptureFixture
) -> None:
    race.engines["torn"] = ImportError("no libtorn")
    race.engines["raises"] = StubEngine("raises", ValueError("two\nlines"))
    race.engines["finds"] = StubEngine(
        "finds", SpecError([Diagnostic(Code.ENGINE_REFUSES, "finds: its compiler fails")])
    )
    race.engines["refuses"] = StubEngine("refuses", RuntimeError(), refuses="refuses: no lrn")
    race.add("right", 0.25)
    choice = race.run()[1]
    assert choice.why.split("; ")[1:] == [
        "the engine `torn` cannot be loaded: ImportError: no libtorn",
        "the engine `raises` is left out: ValueError: two lines",
        "finds: its compiler fails",
        "refuses: no lrn",
    ]
    # that an engine cannot run a network is no surprise
    assert warnings(caplog) == ["the engine `raises` is left out: ValueError: two lines"]


def test_where_none_is_right_every_reason_is_given(race: Race) -> None:
    race.add("wrong", 0.1, off=1.0)
    race.engines["refuses"] = StubEngine("refuses", RuntimeError(), refuses="refuses: no lrn")
    with pytest.raises(Untimed) as caught:
        race.run()
    told, refuses = str(caught.value).rsplit("; ", 1)
    wrong = "the engine `wrong` is left out: its outputs are 1.0e+00 off"
    assert told.startswith(f"none computes what the plain module does: {wrong}")
    assert refuses == "refuses: no lrn"


def test_where_none_can_run_it_every_refusal_is_given(race: Race) -> None:
    for name in ("first", "second"):
        race.engines[name] = StubEngine(name, RuntimeError(), refuses=f"{name}: no lrn")
    with pytest.raises(SpecError) as caught:
        race.run()
    assert [each.message for each in caught.value.diagnostics] == [
        "first: no lrn",
        "second: no lrn",
    ]


def test_a_smaller_type_is_held_to_what_the_plain_module_errs_in_it(race: Race) -> None:
    race.lab.plain_by_dtype["bfloat16"] = StubSubject("torch", race.clock, 1.0, off=0.01)
    race.add("coarse", 0.1, off=0.05)
    assert race.run(dtype="bfloat16")[0].name == "coarse"


def test_a_plain_module_that_fails_is_no_measure(race: Race) -> None:
    race.lab.plain_by_dtype["bfloat16"] = StubSubject("torch", race.clock, 1.0, fails_at=0)
    race.lab.plain = lambda *given: 1 / 0
    race.add("coarse", 0.1, off=0.01)
    assert race.run(dtype="bfloat16")[0].name == "coarse"


# -- what cannot be timed --------------------------------------------------------------------


def fails(*given: Any) -> Any:
    raise ValueError("Expected more than 1 value per channel when training")


@pytest.mark.parametrize(
    ("reference", "reason"),
    [
        (fails, "the network itself fails: ValueError: Expected more than 1 value"),
        (lambda *given: {"0": WANTED["0"] / 0.0}, "what it gives for random inputs is not finite"),
    ],
)
@pytest.mark.filterwarnings("ignore:divide by zero")
def test_what_cannot_be_compared_goes_by_what_is_expected(
    race: Race, caplog: pytest.LogCaptureFixture, reference: Callable[..., Any], reason: str
) -> None:
    race.add("praised", 1.0, fast=9.0)
    race.add("quick", 0.1)
    race.lab.reference = reference
    with pytest.raises(Untimed, match=reason):
        race.run()
    model = prepare("auto", GRAPH, dict, Setting(autotune=True))
    assert model.name == "praised" and model.choice.why.startswith("expected to be the fastest")
    (told,) = warnings(caplog)
    assert told.startswith(f"the engines are not timed, since {reason}")


@pytest.mark.parametrize(("name", "autotune"), [("auto", False), ("quick", True)])
def test_nothing_is_timed_unless_auto_may(race: Race, name: str, autotune: bool) -> None:
    quick = race.add("quick", 0.1, fast=9.0)
    race.add("other", 0.01)
    model = prepare(name, GRAPH, dict, Setting(autotune=autotune))
    assert model.choice.engine.name == "quick" and quick.calls == 0


_EAGER = f"""
import sys
import torch
before = set(sys.modules)
import inceptgraph
from inceptgraph.diagnostics import Source
inceptgraph.compile(Source("tiny.yaml", {TINY!r}), engine="eager", seed=0)
print(*sorted(set(sys.modules) - before), sep="\\n")
"""


def test_an_engine_that_is_named_loads_nothing_that_measures() -> None:
    """Beyond what torch itself loads, of which `multiprocessing` is a part."""
    done = subprocess.run([sys.executable, "-c", _EAGER], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    loaded = done.stdout.split()
    assert "inceptgraph_torch.engines.eager" in loaded
    measuring = ("inceptgraph.bench", "inceptgraph.measure", "inceptgraph.engine._autotune")
    measuring += ("inceptgraph_torch.bench", "inceptgraph_torch.measure", "multiprocessing")
    assert [name for name in loaded if name.startswith(measuring)] == []


# -- what is left ----------------------------------------------------------------------------


class Anew(StubEngine):
    """Makes another subject every time, and knows them all."""

    def prepare(self, graph: Any, tensors: Any, setting: Setting) -> Any:
        made = replace(self.subject)  # type: ignore[type-var]
        self.made.append(weakref.ref(made))
        return made

    @property
    def made(self) -> list[Any]:
        found: list[Any] = vars(self).setdefault("_made", [])
        return found


def anew(race: Race, name: str, cost: float) -> Anew:
    engine = Anew(name, StubSubject(name, race.clock, cost, log=[]))
    race.engines[name] = engine
    return engine


def test_what_lost_is_released(race: Race) -> None:
    quick, slow = anew(race, "quick", 0.1), anew(race, "slow", 0.11)
    module, _ = race.run()
    assert [each() for each in quick.made] == [module]
    assert [each() for each in slow.made] == [None]


def test_what_was_trained_to_be_timed_is_not_handed_out(race: Race) -> None:
    quick = anew(race, "quick", 0.1)
    anew(race, "slow", 0.2)
    module, _ = race.run(train=True)
    assert [each() for each in quick.made] == [None, module] and module.calls == 0


# -- the engines that are installed ----------------------------------------------------------


@pytest.fixture
def few(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Those that start at once, in short races."""
    found = [engine for engine in engines.ready()[0] if engine.name not in SLOW]
    offer(monkeypatch, {engine.name: engine for engine in found})
    monkeypatch.setattr(module_under_test, "SECONDS", 0.1)
    return [engine.name for engine in found]


def test_the_installed_engines_are_timed(few: list[str], caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO, logger="inceptgraph")
    graph = inceptgraph.to_graph(SPEC)
    module = randomized(graph)
    tensors = arrays(module, graph)
    setting = Setting(batch=2, autotune=True)
    model = prepare("auto", graph, lambda: tensors, setting)
    assert model.choice.engine.name in few and not warnings(caplog)
    for name in few:
        assert name in model.choice.why and f"{name}: preparing" in caplog.text
    inputs = samples(graph, 2)
    found = model(*(torch.from_numpy(array).float() for array in inputs.values()))
    assert_close([found.numpy()], expected(module, inputs), 1e-4)


def test_a_network_to_be_trained_is_as_it_was(few: list[str]) -> None:
    timed, plain = (
        inceptgraph.compile(
            SPEC, engine=engine, train=True, batch=4, seed=0, autotune=engine == "auto"
        )
        for engine in ("auto", "eager")
    )
    assert "the fastest of those timed here for training" in timed.choice.why
    for name, value in plain.network.state_dict().items():
        assert torch.equal(timed.network.state_dict()[name], value), name
    assert [part.p for part in timed.modules() if isinstance(part, nn.Dropout)] == [0.2]
    timed.loss(timed(images(4)), torch.zeros(4, dtype=torch.long)).backward()


def test_a_model_of_torch_is_timed_when_it_is_first_called(few: list[str], caplog: Any) -> None:
    caplog.set_level(logging.INFO, logger="inceptgraph")
    module = inceptgraph.compile(SPEC, seed=0).eval()
    wanted = module(images())
    run = torch.compile(module, backend="inceptgraph", options={"autotune": True})
    with torch.no_grad():
        torch.testing.assert_close(run(images()), wanted, rtol=1e-4, atol=1e-5)
    assert "the fastest of those timed here" in caplog.text
