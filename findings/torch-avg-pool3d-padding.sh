#!/bin/sh
# torch averages no volume that is smaller than the kernel, though with its padding it is large enough.
set -eu
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install -q torch==2.13.0 numpy==2.4.6
cat >"$folder/finding.py" <<'PY'
import torch
from torch.nn import functional as F

print("torch", torch.__version__)
for rank, pool in ((1, F.avg_pool1d), (2, F.avg_pool2d), (3, F.avg_pool3d)):
    x = torch.ones(1, 1, *[2] * rank)
    try:
        print(rank, "axes:", pool(x, 4, 1, 2).flatten()[:3].tolist())
        refused = False
    except RuntimeError as error:
        print(rank, "axes:", str(error).splitlines()[0])
        refused = True
    assert refused == (rank == 3), "this behaviour has changed"
PY
"$folder/venv/bin/python" "$folder/finding.py"
