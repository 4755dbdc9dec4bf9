#!/bin/sh
# OpenVINO's SoftPlus, which is above zero everywhere, is below zero or far too large for numbers from
# about -9 down; what is written as log(1 + exp(x)) becomes that SoftPlus.
set -eu
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install -q openvino==2026.4.1 numpy==2.4.6
"$folder/venv/bin/python" - <<'PY'
import numpy as np
import openvino
from openvino import opset13 as ops

numbers = np.linspace(-60, 0, 241, dtype=np.float32)[None]
right = np.logaddexp(0, numbers.astype(np.float64))


def softplus(x):
    return ops.softplus(x)


def written_out(x):
    return ops.log(ops.add(ops.exp(x), np.float32(1)))


def results(form):
    x = ops.parameter(numbers.shape, np.float32)
    options = {"INFERENCE_PRECISION_HINT": "f32"}
    model = openvino.Model([form(x)], [x])
    return openvino.compile_model(model, "CPU", options)(numbers)[0]


print("openvino", openvino.__version__)
for form in (softplus, written_out):
    found = results(form)
    off = np.abs(found - right).max()
    print(f"{form.__name__}: least {found.min():.2g}, {off:.2g} off where the right value is",
          f"{right[0, np.abs(found - right).argmax()]:.2g}; below zero: {(found < 0).sum()}")
    assert off > 1e-6 and (found < 0).any(), "this behaviour has changed"
PY
