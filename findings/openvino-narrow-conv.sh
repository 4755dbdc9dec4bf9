#!/bin/sh
# OpenVINO miscomputes a 3×1 convolution of one channel with two pixels of padding at its right, on a
# processor without AVX-512, which its own switches stand in for elsewhere.
set -eu
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install -q openvino==2026.4.1 numpy==2.4.6
export OV_CPU_MAX_ISA=AVX2 ONEDNN_MAX_CPU_ISA=AVX2
"$folder/venv/bin/python" - <<'PY'
import numpy as np
import openvino
from openvino import opset13 as ops

rng = np.random.default_rng(0)
image = rng.standard_normal((1, 1, 8, 6)).astype(np.float32)
weights = rng.standard_normal((1, 1, 3, 1)).astype(np.float32)


def error(right):
    x = ops.parameter([1, 1, 8, 6], np.float32)
    conv = ops.convolution(x, weights, [1, 1], [0, 0], [0, right], [1, 1])
    options = {"INFERENCE_PRECISION_HINT": "f32"}
    found = openvino.compile_model(openvino.Model([conv], [x]), "CPU", options)(image)[0]
    padded = np.pad(image.astype(np.float64), ((0, 0), (0, 0), (0, 0), (0, right)))
    expected = sum(padded[:, :, i : i + 6] * weights[0, 0, i, 0] for i in range(3))
    return np.abs(found - expected).max() / np.abs(expected).max()


errors = {right: error(right) for right in (0, 1, 2)}
print("openvino", openvino.__version__)
for right, found in errors.items():
    print(f"{right} pixels of padding at the right: {found:.2g} of the largest value off")
assert errors[0] < 1e-5 and errors[1] < 1e-5
assert errors[2] > 0.1, "this behaviour has changed"
PY
