"""A verb that counts the channel shuffles of a network."""

from __future__ import annotations

import click

import inceptgraph
from inceptgraph_shuffle.operation import ChannelShuffle

__all__ = ["shuffles"]


@click.command()
@click.argument("spec")
def shuffles(spec: str) -> None:
    """Count the channel shuffles of a spec."""
    graph = inceptgraph.to_graph(spec)
    count = sum(isinstance(node.op, ChannelShuffle) for node in graph.nodes.values())
    click.echo(f"{spec}: {count}")
