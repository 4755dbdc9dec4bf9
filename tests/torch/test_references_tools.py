"""What the comparison with references rests on: its numbers, its order of layers, its measure."""

from __future__ import annotations

import hashlib
import math
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from references import matching, values
from references.order import canonical
from references.records import Layer, Record, Summary, names

MASK = 2**64 - 1


def splitmix64(state: int) -> int:
    """One output of Steele, Lea & Flood 2014, figure 16, in Python's whole numbers."""
    state = (state ^ (state >> 30)) * 0xBF58476D1CE4E5B9 & MASK
    state = (state ^ (state >> 27)) * 0x94D049BB133111EB & MASK
    return state ^ (state >> 31)


def test_splitmix64_is_the_known_one() -> None:
    """First outputs from seed 1234567, as published with Rosetta Code's task on it."""
    states = [1234567 + step * values.GOLDEN_GAMMA & MASK for step in (1, 2, 3)]
    known = [6457827717110365317, 3203168211198807973, 9817491932198370423]
    assert [splitmix64(state) for state in states] == known


@pytest.mark.parametrize("count", [1, values.CHUNK - 1, values.CHUNK, 2 * values.CHUNK + 5])
def test_numbers_are_splitmix64(count: int) -> None:
    found = values.uniform("conv.weight", count)
    seed = int.from_bytes(hashlib.sha256(b"conv.weight").digest()[:8], "little")
    for index in {0, count // 2, values.CHUNK - 1, values.CHUNK, count - 1}:
        if index < count:
            bits = splitmix64((seed + (index + 1) * values.GOLDEN_GAMMA) & MASK)
            assert found[index] == (bits >> 11) / 2**52 - 1


def test_kernels_keep_the_size_of_a_signal() -> None:
    kernel = values.tensor("a.weight", (256, 64, 3, 3))
    assert math.isclose(kernel.var(), 2 / (64 * 9), rel_tol=0.02)
    assert abs(kernel.mean()) < 0.01 * kernel.std()
    assert math.isclose(values.image((2, 3, 64, 64)).var(), 1, rel_tol=0.02)
    variances = values.tensor("bn.running_var", (1000,))
    assert 0.5 <= variances.min() < 0.51 and 1.49 < variances.max() <= 1.5


def test_order_is_that_of_the_computation() -> None:
    """Branches stand as they are concatenated, terms of a sum with the longest chain first."""
    reads = {
        "short": ["image"],
        "long2": ["long1"],
        "long1": ["image"],
        "sum": ["short", "long2"],
        "left": ["sum"],
        "right": ["sum"],
        "cat": ["right", "left"],
        "head": ["sum", "weight"],
    }

    def operands(node: str) -> Sequence[str]:
        return reads.get(node, [])

    found = canonical(
        ["cat", "head"], operands, lambda node: node == "cat", lambda node: node == "image"
    )
    assert found == [
        ["image", "long1", "long2", "short", "sum", "right", "left", "cat"],
        ["weight", "head"],
    ]


def test_networks_of_other_layers_are_refused() -> None:
    conv, norm = Layer("c", "w", (8, 3, 1, 1)), Layer("n", "wbmv", (8,))
    bare = Layer("n", "bmv", (8,))
    pairs = list(matching.match({"logits": [conv, bare]}, [[conv, norm]]))
    assert pairs == [(conv, conv), (bare, norm)]
    given = dict(matching.weights(bare, norm))
    assert (given["n.weight"] == 1).all()
    assert (given["n.bias"] == values.tensor("n.bias", (8,))).all()
    dense = Layer("c", "w", (8, 3))
    assert list(matching.match({"logits": [conv]}, [[dense]])) == [(conv, dense)]
    for ours in ([[norm, conv]], [[conv]], [[conv, norm, norm]], [[conv, norm], [conv]]):
        with pytest.raises(matching.Mismatch):
            list(matching.match({"logits": [conv, norm]}, ours))
    for other in (Layer("c", "wb", (8, 3, 1, 1)), Layer("c", "w", (8, 3, 1, 3))):
        with pytest.raises(matching.Mismatch):
            list(matching.match({"logits": [conv]}, [[other]]))


@given(
    arrays(np.float64, st.integers(1, 300), elements=st.floats(-10, 10)),
    st.floats(0, 1),
    st.integers(0, 2**32),
)
def test_distance_never_exceeds_the_real_one(output: np.ndarray, size: float, seed: int) -> None:
    output[0] = 10
    other = output + np.random.default_rng(seed).uniform(-size, size, len(output))
    real = np.abs(other - output).max() / np.abs(output).max()
    found = Summary.of(output).distance(Summary.of(other))
    assert found <= real * (1 + 1e-9) + 1e-15


def test_distance_sees_a_single_element() -> None:
    output = np.linspace(-1, 1, 1000)
    assert Summary.of(output).distance(Summary.of(output)) == 0
    for index in (0, 1, 333, 999):
        other = output.copy()
        other[index] += 1e-6
        assert Summary.of(output).distance(Summary.of(other)) > 1e-10
    assert Summary.of(output).distance(Summary.of(output[:999])) == math.inf


@pytest.mark.parametrize("name", names())
def test_records_survive_reading(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    record = Record.load(name)
    monkeypatch.setattr("references.records.FOLDER", tmp_path)
    record.save(name)
    assert Record.load(name) == record
    tensors = [layer.name for group in record.layers.values() for layer in group]
    assert len(set(tensors)) == len(tensors)
    for run in (record.evaluation, record.training):
        assert all(np.isfinite(output.sample).all() for output in run.outputs.values())
