#!/bin/sh
# OpenVINO miscomputes a convolution behind a Gather that puts channels in another order.
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
image = rng.standard_normal((1, 4, 5, 5)).astype(np.float32)
kernel = rng.standard_normal((3, 4, 1, 1)).astype(np.float32)


def error(order):
    x = ops.parameter([1, 4, 5, 5], np.float32)
    moved = ops.gather(x, np.array(order), np.int64(1))
    y = ops.convolution(moved, kernel, [1, 1], [0, 0], [0, 0], [1, 1])
    options = {"INFERENCE_PRECISION_HINT": "f32"}
    found = openvino.compile_model(openvino.Model([y], [x]), "CPU", options)(image)[0]
    expected = np.einsum("nchw,oc->nohw", image[:, order], kernel[:, :, 0, 0])
    return np.abs(found - expected).max() / np.abs(expected).max()


reversed_, rotated = error([3, 2, 1, 0]), error([2, 0, 3, 1])
print("openvino", openvino.__version__)
print(f"channels in reverse: error {reversed_:.1%}")
print(f"channels 2, 0, 3, 1: error {rotated:.1%}")
assert reversed_ < 1e-5 and rotated > 0.1, "this behaviour has changed"
PY
