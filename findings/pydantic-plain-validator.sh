#!/bin/sh
# pydantic warns of a tuple that is a tuple, where PlainValidator reads it and JSON is written.
set -eu
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install -q pydantic==2.14.3 pydantic_core==2.50.4
"$folder/venv/bin/python" - <<'PY'
import warnings
from typing import Annotated

from pydantic import VERSION, BaseModel, BeforeValidator, PlainValidator


def pair(value):
    return (value, value) if isinstance(value, int) else value


class Plain(BaseModel):
    size: Annotated[tuple[int, int], PlainValidator(pair)]


class Before(BaseModel):
    size: Annotated[tuple[int, int], BeforeValidator(pair)]


def written(model, mode):
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        return model.model_dump(mode=mode), [str(each.message) for each in caught]


print("pydantic", VERSION)
for model in (Plain(size=3), Before(size=3)):
    for mode in ("python", "json"):
        print(type(model).__name__, mode, *written(model, mode))
assert type(Plain(size=3).size) is tuple
assert written(Plain(size=3), "python")[1] == [] == written(Before(size=3), "json")[1]
assert "Expected `tuple[int, int]`" in written(Plain(size=3), "json")[1][0], "this has changed"
PY
