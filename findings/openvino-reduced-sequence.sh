#!/bin/sh
# OpenVINO gives each channel of a sequence that was reduced over its length the factor of another
# channel, where the batch is larger than 1. An image that was reduced over its pixels gets its own.
set -eu
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install -q openvino==2026.4.1 numpy==2.4.6
"$folder/venv/bin/python" - <<'PY'
import numpy as np
import openvino
from openvino import opset13 as ops

rng = np.random.default_rng(0)
factors = np.arange(1, 5, dtype=np.float32)


def error(*shape):
    data = rng.standard_normal(shape).astype(np.float32)
    axes = list(range(2, len(shape)))
    each = factors.reshape(-1, *[1] * len(axes))
    x = ops.parameter(list(shape), np.float32)
    largest = ops.multiply(ops.reduce_max(x, axes, keep_dims=True), each)
    options = {"INFERENCE_PRECISION_HINT": "f32"}
    found = openvino.compile_model(openvino.Model([largest], [x]), "CPU", options)(data)[0]
    expected = data.max(tuple(axes), keepdims=True) * each
    return np.abs(found - expected).max() / np.abs(expected).max()


print("openvino", openvino.__version__)
errors = {shape: error(*shape) for shape in ((1, 4, 7), (2, 4, 7), (2, 4, 7, 7))}
for shape, found in errors.items():
    print(f"{shape}: {found:.2g} of the largest value off")
assert errors[1, 4, 7] < 1e-6 and errors[2, 4, 7, 7] < 1e-6
assert errors[2, 4, 7] > 0.1, "this behaviour has changed"
PY
