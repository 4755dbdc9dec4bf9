"""What was measured of the engines, and what of it counts on which machine."""

from __future__ import annotations

from datetime import date
from itertools import chain, product
from pathlib import Path

import pytest
from tiny_network import TINY

from inceptgraph import engine as engines
from inceptgraph.diagnostics import Source
from inceptgraph.engine import Setting, _speeds, instruction_set, speed
from inceptgraph.engine._processor import WIDEST
from inceptgraph.engine._speeds import usual_batch
from inceptgraph.pipeline import to_graph

TABLES = {engine.name: getattr(engine, "figures", ()) for engine in engines.installed()}


@pytest.fixture
def machine(monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest) -> None:
    """A processor with this instruction set for float32 alone."""
    found = {"float32": request.param}
    monkeypatch.setattr(_speeds, "instruction_set", found.get)


def speeds(setting: Setting) -> dict[str, float]:
    """Of engines that are measured, the fastest first."""
    found = {name: speed(table, setting) for name, table in TABLES.items()}
    known = {name: value for name, value in found.items() if value is not None}
    return dict(sorted(known.items(), key=lambda each: -each[1]))


@pytest.mark.parametrize("machine", ["avx512f", "avx2"], indirect=True)
@pytest.mark.parametrize("train", [False, True])
@pytest.mark.parametrize("batch", [1, 16])
@pytest.mark.usefixtures("machine")
def test_native_is_ahead_where_it_was_measured_to_be(batch: int, train: bool) -> None:
    assert next(iter(speeds(Setting(batch=batch, train=train)))) == "native"


@pytest.mark.parametrize("machine", ["avx2"], indirect=True)
@pytest.mark.usefixtures("machine")
def test_onnxruntime_is_ahead_of_openvino_without_avx512() -> None:
    found = [*speeds(Setting())]
    assert found.index("onnxruntime") < found.index("openvino")


@pytest.mark.parametrize("machine", [None, "asimd"], indirect=True)
@pytest.mark.usefixtures("machine")
def test_no_figure_counts_on_another_processor() -> None:
    assert not speeds(Setting()) and not speeds(Setting(train=True, batch=16))
    why = engines.choose("auto", to_graph(Source("tiny.yaml", TINY)), Setting()).why
    assert "no engine that can run it was measured" in why and "×" not in why


@pytest.mark.parametrize("machine", ["avx512f"], indirect=True)
@pytest.mark.usefixtures("machine")
def test_auto_says_what_the_figures_are_of() -> None:
    found = engines.choose("auto", to_graph(Source("tiny.yaml", TINY)), Setting(batch=8))
    (figure,) = [each for each in TABLES[found.engine.name] if each.counts(Setting(batch=8))]
    assert f"measured at batch 16 on {figure}" in found.why
    assert figure.run.date in str(figure) and "avx512f" in str(figure)


def test_tensorrt_and_onnxruntime_have_no_speed_on_a_gpu() -> None:
    for dtype, batch, fixed in product(("float32", "tf32", "float16"), (1, 16, 128), (True, False)):
        setting = Setting("cuda", dtype, batch, fixed=fixed)
        assert not {"tensorrt", "onnxruntime", "inductor"} & {*speeds(setting)}


def test_inductor_has_a_speed_on_a_gpu_as_a_cuda_graph_alone() -> None:
    setting = Setting("cuda:1", "bfloat16", fixed=True)
    assert next(iter(speeds(setting))) == "inductor"
    assert next(iter(speeds(Setting("cuda:1", "bfloat16")))) == "cudagraph"


@pytest.mark.parametrize(
    ("setting", "batch"),
    [
        (Setting(batch=4), 1),
        (Setting(batch=5), 16),
        (Setting(batch=1000), 16),
        (Setting(batch=1, train=True), 16),
        (Setting("cuda", batch=45), 16),
        (Setting("cuda", batch=46), 128),
        (Setting("cuda", batch=1, train=True), 16),
    ],
)
def test_a_batch_goes_by_the_nearest_that_is_measured(setting: Setting, batch: int) -> None:
    assert usual_batch(setting) == batch


@pytest.mark.parametrize("name", TABLES)
def test_figures_are_whole_and_each_is_there_once(name: str) -> None:
    seen = set()
    for row in TABLES[name]:
        assert row.run.device and row.version and date.fromisoformat(row.run.date)
        assert row.run.instructions in ("cuda", *chain(*WIDEST.values()))
        device = "cuda" if row.run.instructions == "cuda" else "cpu"
        for batch, times in row.times.items():
            setting = Setting(device, row.dtype, batch, row.train, row.fixed)
            assert times > 0 and usual_batch(setting) == batch
            key = (row.run.instructions, setting)
            assert key not in seen, "which of the two counts?"
            seen.add(key)


@pytest.mark.parametrize(
    ("line", "found"),
    [
        ("flags : fpu avx2 avx512f avx512_vnni", ("avx512f", None)),
        ("flags : avx2 avx512f avx512_bf16 amx_bf16", ("avx512f", "amx_bf16")),
        ("flags : avx2 avx512f avx512_bf16", ("avx512f", "avx512_bf16")),
        ("flags : sse2 avx avx2 fma", ("avx2", None)),
        ("Features : fp asimd bf16", ("asimd", "bf16")),
        ("flags : sse2", (None, None)),
        ("", (None, None)),
    ],
)
def test_instructions_are_those_that_the_system_tells(
    tmp_path: Path, line: str, found: tuple[str | None, str | None]
) -> None:
    file = tmp_path / "cpuinfo"
    file.write_text(f"model name : one\n{line}\n", encoding="utf-8")
    assert (instruction_set("float32", file), instruction_set("bfloat16", file)) == found
    assert instruction_set("float16", file) is None


def test_where_no_system_tells_nothing_is_assumed(tmp_path: Path) -> None:
    assert instruction_set("float32", tmp_path / "absent") is None
