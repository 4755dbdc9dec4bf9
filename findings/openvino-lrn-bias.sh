#!/bin/sh
# OpenVINO computes LRN wrongly where `bias` is no whole number.
set -eu
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install -q openvino==2026.4.1 numpy==2.4.6
"$folder/venv/bin/python" - <<'PY'
import numpy as np
import openvino
from openvino import opset13 as ops

SIZE, ALPHA, BETA = 5, 1e-4, 0.75
image = 5 * np.random.default_rng(0).standard_normal((1, 8, 5, 4)).astype(np.float32)


def error(bias):
    x = ops.parameter([1, 8, 5, 4], np.float32)
    lrn = ops.lrn(x, np.array([1]), ALPHA, BETA, bias, SIZE)
    options = {"INFERENCE_PRECISION_HINT": "f32"}
    found = openvino.compile_model(openvino.Model([lrn], [x]), "CPU", options)(image)[0]
    squares = np.pad(image.astype(np.float64) ** 2, ((0, 0), (2, 2), (0, 0), (0, 0)))
    sums = sum(squares[:, i : i + 8] for i in range(SIZE))
    expected = image / (bias + ALPHA / SIZE * sums) ** BETA
    return np.abs(found - expected).max() / np.abs(expected).max()


errors = {bias: error(bias) for bias in (1.0, 2.0, 1.5, 0.5)}
print("openvino", openvino.__version__)
for bias, found in errors.items():
    print(f"bias {bias}: error {found:.2g} of the largest value")
assert errors[1.0] < 1e-5 and errors[2.0] < 1e-5
assert errors[1.5] > 0.1 and not errors[0.5] < 0.1, "this behaviour has changed"
PY
