#!/bin/sh
# OpenVINO miscomputes a 1×1 convolution with stride and padding that follows a convolution.
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
wide = rng.standard_normal((4, 4, 3, 3)).astype(np.float32)
narrow = rng.standard_normal((5, 4, 1, 1)).astype(np.float32)
first = ops.convolution(x, wide, [1, 1], [1, 1], [1, 1], [1, 1])
second = ops.convolution(first, narrow, [2, 2], [1, 1], [1, 1], [1, 1])
mean = ops.reduce_mean(second, np.array([2, 3]), True)
options = {"INFERENCE_PRECISION_HINT": "f32"}
joined = openvino.compile_model(openvino.Model([mean], [x]), "CPU", options)
apart = openvino.compile_model(openvino.Model([first], [x]), "CPU", options)
image = rng.standard_normal((1, 4, 8, 8)).astype(np.float32)
padded = np.pad(apart(image)[0], ((0, 0), (0, 0), (1, 1), (1, 1)))[:, :, ::2, ::2]
expected = np.einsum("nchw,oc->nohw", padded, narrow[:, :, 0, 0]).mean((2, 3), keepdims=True)
found = joined(image)[0]
error = np.abs(found - expected).max() / np.abs(expected).max()
print("openvino", openvino.__version__)
print("as one model:", found.ravel())
print("by hand:     ", expected.ravel(), f"error {error:.0%}")
assert error > 0.1, "this behaviour has changed"
PY
