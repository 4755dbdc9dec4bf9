"""Each pass on a network made for it: the spec, and the graph before and after, to be read.

A file in ``golden/`` is what ``inceptgraph graph --optimize --print-after`` prints below the spec
that it prints it of. ``pytest tests/passes/test_golden.py --update-golden`` writes what it prints
now.
"""

from __future__ import annotations

from pathlib import Path

import pytest
from command_line import runner

from inceptgraph.passes import BUILT_IN

GOLDEN = Path(__file__).parent / "golden"
PROMPT = "\n$ inceptgraph graph net.yaml --optimize --print-after "


@pytest.mark.fast
@pytest.mark.parametrize("name", [each.name for each in BUILT_IN])
def test_before_and_after(
    name: str,
    update_golden: bool,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.chdir(tmp_path)
    golden = GOLDEN / f"{name}.txt"
    spec, _, _ = golden.read_text(encoding="utf-8").partition(PROMPT)
    Path("net.yaml").write_text(spec, encoding="utf-8")
    run = runner(capsys)
    assert run("check", "net.yaml").code == 0
    said = run("graph", "net.yaml", "--optimize", "--print-after", name)
    assert said.code == 0
    assert "which changed nothing" not in said.out
    shown = f"{spec}{PROMPT}{name}\n{said.out}"
    if update_golden:
        golden.write_text(shown, encoding="utf-8")
    assert shown == golden.read_text(encoding="utf-8")


@pytest.mark.fast
def test_every_golden_file_is_of_a_pass() -> None:
    assert {path.stem for path in GOLDEN.iterdir()} == {each.name for each in BUILT_IN}
