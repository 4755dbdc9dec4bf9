#!/bin/sh
# OpenVINO mixes the pixels of a map of one channel that is joined with itself behind a pool.
set -eu
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install -q openvino==2026.4.1 numpy==2.4.6
"$folder/venv/bin/python" - <<'PY'
import numpy as np
import openvino
from openvino import opset13 as ops


def mean(x):
    return ops.avg_pool(x, [1, 1], [0, 0], [0, 0], [2, 2], True)


def error(channels):
    """Of a mean joined with itself, where another pool reads it as well."""
    image = np.random.default_rng(0).standard_normal((1, channels, 8, 8)).astype(np.float32)
    x = ops.parameter(image.shape, np.float32)
    value = mean(x)
    outputs = [ops.concat([value, value], 1), mean(value)]
    options = {"INFERENCE_PRECISION_HINT": "f32"}
    found = openvino.compile_model(openvino.Model(outputs, [x]), "CPU", options)(image)[0]
    windows = np.lib.stride_tricks.sliding_window_view(image.astype(np.float64), (2, 2), (2, 3))
    expected = np.concatenate([windows.mean((4, 5))] * 2, 1)
    return np.abs(found - expected).max()


one, two = error(1), error(2)
print("openvino", openvino.__version__)
print(f"of one channel: {one:.2g} off, of two: {two:.2g}")
assert two < 1e-5
assert one > 0.1, "this behaviour has changed"
PY
