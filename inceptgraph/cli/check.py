"""``check``: every finding of every spec, for people and for programs."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path

import click

from inceptgraph import report
from inceptgraph.analysis import total
from inceptgraph.cli import console, failures
from inceptgraph.cli.options import SPEC, set_option
from inceptgraph.cli.specs import examine, shown_name
from inceptgraph.cli.verbs import verb
from inceptgraph.diagnostics import Diagnostic
from inceptgraph.pipeline import Analysis
from inceptgraph.report import counted, exact, human
from inceptgraph.spec import SUFFIXES

__all__ = ["check"]

EXAMPLES = """
inceptgraph check my.yaml
inceptgraph check specs/ --format concise
inceptgraph check my.yaml --format sarif > findings.sarif
inceptgraph check googlenet --set classes=10
cat my.yaml | inceptgraph check -
"""


@verb("check", examples=EXAMPLES)
@click.argument("specs", metavar="SPEC...", nargs=-1, required=True, type=SPEC)
@click.option(
    "--format",
    type=click.Choice(report.FORMATS),
    default="full",
    show_default=True,
    help="`full` and `concise` for people; `json`, `github` and `sarif` for programs.",
)
@click.option("-q", "--quiet", is_flag=True, help="Print findings alone.")
@set_option
def check(specs: tuple[str, ...], format: str, quiet: bool, values: dict[str, str]) -> int:
    """Find everything that is wrong with specs.

    Libraries of blocks are checked as well, and of a directory every .yaml and .yml file in it.

    Findings go to stdout, the line that counts them to stderr. The exit code is 0 where there are
    none, and 1 where there are: warnings count.
    """
    specs = tuple(_files(specs))
    findings: list[Diagnostic] = []
    clean: list[str] = []
    for spec in specs:
        analysis = examine(spec, values)
        findings += analysis.findings
        if not analysis.findings:
            clean.append(f"{shown_name(spec)}: {_figures(analysis)}: no findings")
    machine = format in ("json", "sarif")
    if findings or machine:
        console.data(report.render(findings, format, color=console.colored() and not machine))
    if not quiet:
        for line in clean:
            console.message(line)
        if findings:
            console.message(_closing(findings, len(specs), len(clean)))
    return failures.FINDINGS if findings else 0


def _files(specs: Iterable[str]) -> Iterator[str]:
    """The specs, and of a directory all that are in it, at any depth."""
    for spec in specs:
        if not Path(spec).is_dir():
            yield spec
            continue
        inside = sorted(p for p in Path(spec).rglob("*") if p.suffix in SUFFIXES and p.is_file())
        if not inside:
            raise click.UsageError(f"there are no specs in the directory `{spec}`")
        yield from map(str, inside)


def _figures(analysis: Analysis) -> str:
    if analysis.library is not None:
        return f"a library of {counted(len(analysis.library), 'block')}"
    assert analysis.graph is not None
    network = analysis.graph.phase("eval")
    cost = total(network)
    operations = sum(1 for node in network.nodes.values() if node.inputs)
    return (
        f"{counted(operations, 'operation')}, {exact(cost.params)} parameters,"
        f" {human(cost.macs)} multiply-adds"
    )


def _closing(findings: list[Diagnostic], specs: int, clean: int) -> str:
    counts = report.summary_line(findings)
    where = f" in {specs - clean} of {specs} specs" if specs > 1 else ""
    codes = sorted({d.code.value for d in findings})
    return f"\n{counts}{where}; `inceptgraph explain {codes[0]}` says more"
