"""The output target `dot`: `trtc-opt -t dot` prints a module as a graph that graphviz draws (`dot -Tsvg`).

Ops are boxes, groups are clusters, views are dashed; what a box says about itself is its tooltip.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import IO

from xdsl.context import Context
from xdsl.dialects.builtin import ModuleOp
from xdsl.utils.target import Target

from .colours import colour_of
from .graph import END, VIEW, Graph, Node


def dot_text(graph: Graph) -> str:
    """A graph in graphviz's language."""
    lines = ["digraph trtc {", '  node [shape=box, style="filled", fontname="Helvetica", fontsize=10];']
    lines += ['  edge [fontname="Helvetica", fontsize=8];']
    inside: dict[int | None, list[Node]] = {}
    for node in graph.nodes:
        inside.setdefault(node.cluster, []).append(node)
    lines += [f"  {_node(node)}" for node in inside.get(None, ())]
    for cluster in graph.clusters:
        lines += [f"  subgraph cluster_{cluster.number} {{", f"    label={_quoted(cluster.label)};"]
        lines += [f'    style="filled"; fillcolor="{colour_of(cluster.kind)}";']
        lines += [f"    {_node(node)}" for node in inside.get(cluster.number, ())]
        lines.append("  }")
    for (source, target), shape in graph.edges.items():
        lines.append(f"  n{source} -> n{target} [label={_quoted(shape)}];")
    return "\n".join([*lines, "}\n"])


def _node(node: Node) -> str:
    colour = "#ffffff" if node.cluster is not None else colour_of(node.kind)
    more = {VIEW: ', style="dashed"', END: ", shape=ellipse"}.get(node.kind, "")
    return f'n{node.number} [label={_quoted(node.label)}, tooltip={_quoted(*node.detail)}, fillcolor="{colour}"{more}];'


def _quoted(*lines: str) -> str:
    """Lines as one string of graphviz, in which a name of a model is no markup."""
    text = "\\n".join(line.replace("\\", "\\\\").replace('"', '\\"').replace("\n", " ") for line in lines)
    return f'"{text}"'


@dataclass(frozen=True)
class DotTarget(Target):
    """Graphviz text of `@main`."""

    name = "dot"

    def emit(self, ctx: Context, module: ModuleOp, output: IO[str]) -> None:
        from .graph import graph_of

        output.write(dot_text(graph_of(module)))
