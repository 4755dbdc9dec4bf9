#!/bin/sh
# OpenVINO computes SiLU before the MaxPool that it follows, as if SiLU were monotonic.
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
x = ops.parameter([1, 4, 8, 8], np.float32)
weights = rng.standard_normal((8, 4, 3, 3)).astype(np.float32)
conv = ops.convolution(x, weights, [1, 1], [0, 0], [0, 0], [1, 1])
pool = ops.max_pool(conv, [2, 2], [1, 1], [0, 0], [0, 0], [2, 2]).output(0)
options = {"INFERENCE_PRECISION_HINT": "f32"}
joined = openvino.compile_model(openvino.Model([ops.swish(pool)], [x]), "CPU", options)
apart = openvino.compile_model(openvino.Model([pool], [x]), "CPU", options)
image = rng.standard_normal((1, 4, 8, 8)).astype(np.float32)
found, pooled = joined(image)[0], apart(image)[0].astype(np.float64)
expected = pooled / (1 + np.exp(-pooled))
error = np.abs(found - expected).max() / np.abs(expected).max()
print("openvino", openvino.__version__)
print(f"convolution, MaxPool, SiLU as one model: {error:.1%} off SiLU of the pooled values")
print("least value:", found.min(), "where SiLU has", expected.min())
assert np.abs(found - expected).max() > 0.1, "this behaviour has changed"
PY
