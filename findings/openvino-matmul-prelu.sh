#!/bin/sh
# OpenVINO takes the slopes of channels for slopes of columns where PReLU stands behind a product.
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
image = rng.standard_normal((1, 3, 5, 4)).astype(np.float32)
matrix = rng.standard_normal((4, 3)).astype(np.float32)
slopes = np.array([1, 2, 3], np.float32).reshape(3, 1, 1)


def error(between):
    """Of slopes by channel on three channels of three columns."""
    x = ops.parameter(image.shape, np.float32)
    product = between(ops.matmul(x, matrix, False, False))
    result = ops.prelu(product, slopes)
    options = {"INFERENCE_PRECISION_HINT": "f32"}
    found = openvino.compile_model(openvino.Model([result], [x]), "CPU", options)(image)[0]
    expected = image.astype(np.float64) @ matrix
    return np.abs(found - np.where(expected > 0, expected, expected * slopes)).max()


at_once, apart = error(lambda value: value), error(lambda value: ops.maximum(value, value))
print("openvino", openvino.__version__)
print(f"behind the product {at_once:.2g} off, with a step between {apart:.2g}")
assert apart < 1e-4
assert at_once > 0.1, "this behaviour has changed"
PY
