"""Structures that Python reads from C++ headers: what cannot be read is refused, never left out."""

from __future__ import annotations

from pathlib import Path

import pytest

from inceptgraph_native import structures


@pytest.fixture
def headers(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(structures, "KERNELS", tmp_path)
    return tmp_path


def test_fields_come_in_their_order(headers: Path) -> None:
    text = (
        "struct S {\n    long a, b;  // two\n    // none\n    const float* c;\n    double d;\n};\n"
    )
    (headers / "s.hpp").write_text(text)
    assert [name for name, _ in structures.structure("s.hpp", "S")._fields_] == list("abcd")


@pytest.mark.parametrize(
    "body", ["    float *a, *b;", "    long a[3];", "    std::int64_t a;", "    int a; int b;"]
)
def test_what_is_no_such_field_is_refused(headers: Path, body: str) -> None:
    (headers / "s.hpp").write_text(f"struct S {{\n    long first;\n{body}\n}};\n")
    with pytest.raises((ValueError, KeyError)):
        structures.structure("s.hpp", "S")


def test_a_structure_that_is_not_there_is_refused(headers: Path) -> None:
    (headers / "s.hpp").write_text("struct S {\n    long a;\n};\n")
    with pytest.raises(ValueError, match="T cannot be read: no end"):
        structures.structure("s.hpp", "T")
