#!/bin/sh
# OpenVINO miscomputes a convolution of one channel of a volume to one channel where its frames are
# dilated and its rows are not, on a processor without AVX-512, which its own switches stand in for
# elsewhere. Dilated alike along both, or to two channels, it is right.
set -eu
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install -q openvino==2026.4.1 numpy==2.4.6
export OV_CPU_MAX_ISA=AVX2 ONEDNN_MAX_CPU_ISA=AVX2
"$folder/venv/bin/python" - <<'PY'
import itertools

import numpy as np
import openvino
from openvino import opset13 as ops

rng = np.random.default_rng(0)
volume = rng.standard_normal((1, 1, 6, 6, 6)).astype(np.float32)


def error(dilation, out=1):
    weights = rng.standard_normal((out, 1, 2, 2, 2)).astype(np.float32)
    x = ops.parameter([1, 1, 6, 6, 6], np.float32)
    conv = ops.convolution(x, weights, [1] * 3, [0] * 3, [0] * 3, dilation)
    options = {"INFERENCE_PRECISION_HINT": "f32"}
    found = openvino.compile_model(openvino.Model([conv], [x]), "CPU", options)(volume)[0]
    size = [6 - apart for apart in dilation]
    expected = np.zeros((1, out, *size))
    for taps in itertools.product((0, 1), repeat=3):
        window = tuple(slice(t * d, t * d + n) for t, d, n in zip(taps, dilation, size))
        expected += volume[(slice(None), slice(None), *window)] * weights[(..., *taps)].reshape(
            1, out, 1, 1, 1
        ).astype(np.float64)
    return np.abs(found - expected).max() / np.abs(expected).max()


print("openvino", openvino.__version__)
right = {"1, 1, 1": error([1, 1, 1]), "2, 2, 1": error([2, 2, 1]), "1, 1, 2": error([1, 1, 2])}
right["2, 1, 1, to two channels"] = error([2, 1, 1], out=2)
wrong = error([2, 1, 1])
for dilation, found in {**right, "2, 1, 1": wrong}.items():
    print(f"dilation {dilation}: {found:.2g} of the largest value off")
assert max(right.values()) < 1e-5
assert wrong > 0.1, "this behaviour has changed"
PY
