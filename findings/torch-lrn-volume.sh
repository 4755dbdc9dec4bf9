#!/bin/sh
# torch normalises no volume across its channels whose axes were put in another order, a view of it or
# channels last; of a sequence and of an image it does.
set -eu
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install -q torch==2.13.0 numpy==2.4.6
cat >"$folder/finding.py" <<'PY'
import torch
from torch.nn import functional as F

print("torch", torch.__version__)
for rank in (1, 2, 3):
    x = torch.ones(2, 3, *range(4, 4 + rank)).movedim(1, -1)
    try:
        print(rank, "axes:", F.local_response_norm(x, 3).flatten()[:2].tolist())
        refused = False
    except RuntimeError as error:
        print(rank, "axes:", str(error).splitlines()[0])
        refused = True
    assert refused == (rank == 3), "this behaviour has changed"
PY
"$folder/venv/bin/python" "$folder/finding.py"
