"""A verb that counts the group shuffles of a network."""

from __future__ import annotations

import click

import inceptgraph
from inceptgraph_shuffle.operation import GroupShuffle

__all__ = ["shuffles"]


@click.command()
@click.argument("spec")
def shuffles(spec: str) -> None:
    """Count the group shuffles of a spec."""
    graph = inceptgraph.to_graph(spec)
    count = sum(isinstance(node.op, GroupShuffle) for node in graph.nodes.values())
    click.echo(f"{spec}: {count}")
