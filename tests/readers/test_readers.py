"""Programs of others on every shipped spec's exports: ``.ci/readers`` runs it.

A program that reads another network rightly, or no longer does, is told; ``--write`` puts it into
the table.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from places import SPECS
from reader_lane import READERS, Export, Reader, graph_of, read
from reader_table import PAGE, row, told_wrong, write

pytestmark = pytest.mark.readers


@pytest.fixture(scope="module")
def exports(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, Export]]:
    made = {}
    for spec in sorted(path.stem for path in SPECS.glob("*.yaml")):
        made[spec] = Export(graph_of(spec), tmp_path_factory.mktemp(spec))
    yield made
    for export in made.values():  # gigabytes, which pytest would keep
        for file in export.folder.glob("**/*.*"):
            file.unlink()


def test_networks_tell_their_inputs_apart(exports: dict[str, Export]) -> None:
    """Else one that is computed wrongly would be right; in 8 bits, one that gives zeros."""
    for spec, export in exports.items():
        assert export.spread > 100 * export.bound, spec
    passed_over = {spec for spec, export in exports.items() if not export.tells_in_eight_bits}
    page = " ".join(PAGE.read_text("utf-8").split())
    (told,) = re.findall("8 bits leave nothing of (.*?):", page)
    assert passed_over == set(re.findall("`(.*?)`", told))


@pytest.mark.parametrize("reader", READERS, ids=lambda r: f"{r.function}-{r.environment}")
def test_programs_read_what_the_table_says(
    reader: Reader, exports: dict[str, Export], pytestconfig: pytest.Config
) -> None:
    found = dict(read(exports, reader, Path(os.environ["INCEPTGRAPH_READERS"])))
    if pytestconfig.getoption("--write"):
        write({reader: row(reader, found)})
    wrong = {spec: reason for spec, reason in found.items() if reason is not None}
    assert wrong.keys() == told_wrong(PAGE.read_text(encoding="utf-8"), reader), wrong
