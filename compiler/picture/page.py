"""One page about a model: its graph before and after fusion, and a table of its launches. HTML with pictures in it; it loads nothing.

Pictures are SVG. Boxes have the colour of their kind; the mouse over an op shows its shapes and its ONNX nodes.
"""

from __future__ import annotations

from collections.abc import Sequence
from html import escape
from itertools import pairwise
from pathlib import Path

from xdsl.dialects.builtin import ModuleOp
from xdsl.passes import ModulePass

from ...runtime.files import check_readable
from ..options import BuildOptions
from ..pipeline import Observer, run_pipeline
from ..targets import DEFAULT_ARCH, set_target
from .colours import COLOURS, colour_of
from .graph import END, VIEW, Graph, Node, collapsed, graph_of
from .layout import Point, place

_LINE, _CHARACTER, _PAD = 15.0, 6.6, 8.0
"""The height of a line of text, the width of a character, and what is left around it."""
_STYLE = """
body { font: 14px Helvetica, Arial, sans-serif; margin: 16px; }
.pictures { display: flex; gap: 16px; }
.pictures > div { flex: 1; min-width: 0; }
.picture { overflow: auto; height: 80vh; border: 1px solid #ccc; }
svg text { font: 11px Menlo, Consolas, monospace; }
table { border-collapse: collapse; margin-top: 16px; } td, th { border: 1px solid #ccc; padding: 3px 8px; text-align: left; }
.key span { padding: 2px 8px; margin-right: 6px; border: 1px solid #999; }
"""


class Pictures(Observer):
    """Keeps the graphs of a module before and after phase `fuse` and after phase `memory`, as it goes through the pipeline."""

    def __init__(self) -> None:
        self.graphs: dict[str, Graph] = {}

    def before_pass(self, index: int, step: ModulePass, module: ModuleOp) -> None:
        if step.name == "fuse-groups":
            self.graphs["before"] = graph_of(module)

    def after_phase(self, phase: str, module: ModuleOp, seconds: float) -> None:
        if phase in ("fuse", "memory"):
            self.graphs[phase] = graph_of(module)


def page_of_model(path: str | Path, options: BuildOptions) -> str:
    """The page of an ONNX file, built for `options.target`, by default sm_80. Raises what a build raises for a model that it refuses."""
    from ..frontend import import_graph, load

    check_readable(path, "model")
    module = import_graph(
        load(path),
        profiles=dict(options.profiles),
        constants=options.constants,
        bounds=options.bounds,
        require_profiles=True,
    )
    set_target(module, options.target or DEFAULT_ARCH)
    return page_of(module, options, Path(path).name)


def page_of(module: ModuleOp, options: BuildOptions, title: str) -> str:
    """The page of an imported module with its target, which goes through the pipeline up to its launches."""
    pictures = Pictures()
    run_pipeline(module, options, stop_after="memory", observers=[pictures])
    return html_page(pictures.graphs["before"], pictures.graphs["fuse"], pictures.graphs["memory"], title)


def html_page(before: Graph, after: Graph, launches: Graph, title: str) -> str:
    """The page of three graphs: of ops, of groups, of launches."""
    ops = sum(node.kind != END for node in before.nodes)
    run = [node for node in launches.nodes if node.kind != END]
    key = "".join(f'<span style="background:{colour}">{kind}</span>' for kind, colour in COLOURS.items())
    return "\n".join(
        [
            '<!DOCTYPE html><html lang="en"><head><meta charset="utf-8">',
            f"<title>{escape(title)}</title><style>{_STYLE}</style></head><body>",
            f"<h1>{escape(title)}</h1><p>{ops} ops, {len(after.clusters)} groups, {len(run)} launches.</p>",
            f'<p class="key">{key}</p><div class="pictures">',
            f'<div><h2>Before fusion</h2><div class="picture">{svg(before)}</div></div>',
            f'<div><h2>After fusion</h2><div class="picture">{svg(after)}</div></div></div>',
            f"<h2>Launches</h2>{_table(run)}</body></html>\n",
        ]
    )


def svg(graph: Graph) -> str:
    """A picture of a graph; a group is one box with a line for each of its ops."""
    boxes, inside = collapsed(graph)
    lines = [_lines(node, inside.get(node.number, ())) for node in boxes.nodes]
    sizes = [(max(len(text) for text, _ in each) * _CHARACTER + 2 * _PAD, len(each) * _LINE + _PAD) for each in lines]
    placed = place(sizes, list(boxes.edges))
    parts = [f'<svg xmlns="http://www.w3.org/2000/svg" width="{placed.width:.0f}" height="{placed.height:.0f}">']
    for edge, shape in boxes.edges.items():
        parts.append(
            f'<path d="{_curve(placed.routes[edge])}" fill="none" stroke="#888"><title>{escape(shape)}</title></path>'
        )
    for node, size, centre, texts in zip(boxes.nodes, sizes, placed.centres, lines, strict=True):
        parts.append(_box(node, size, centre, texts))
    return "".join([*parts, "</svg>"])


def _lines(node: Node, ops: Sequence[Node]) -> list[tuple[str, str]]:
    """What a box says, line by line, and what each line says under the mouse."""
    if not ops:
        return [(node.label, "\n".join(node.detail))]
    return [(node.label, node.label), *((f"  {op.label}", "\n".join(op.detail)) for op in ops)]


def _box(node: Node, size: tuple[float, float], centre: Point, texts: Sequence[tuple[str, str]]) -> str:
    (width, height), (x, y) = size, centre
    left, top = x - width / 2, y - height / 2
    dashes = ' stroke-dasharray="4 3"' if node.kind == VIEW else ""
    round_ = ' rx="12"' if node.kind == END else ' rx="2"'
    parts = [
        f'<rect x="{left:.1f}" y="{top:.1f}" width="{width:.1f}" height="{height:.1f}"{round_} '
        f'fill="{colour_of(node.kind)}" stroke="#555"{dashes}/>'
    ]
    for number, (text, said) in enumerate(texts):
        parts.append(
            f'<text xml:space="preserve" x="{left + _PAD:.1f}" y="{top + (number + 0.85) * _LINE:.1f}">{escape(text)}'
            f"<title>{escape(said)}</title></text>"
        )
    return "".join(parts)


def _curve(points: Sequence[Point]) -> str:
    """A curve through points that leaves and enters each from above."""
    path = f"M{points[0][0]:.1f},{points[0][1]:.1f}"
    for (x, y), (to_x, to_y) in pairwise(points):
        middle = (y + to_y) / 2
        path += f"C{x:.1f},{middle:.1f} {to_x:.1f},{middle:.1f} {to_x:.1f},{to_y:.1f}"
    return path


def _table(launches: Sequence[Node]) -> str:
    rows = ["<table><tr><th></th><th>kernel</th><th>kind</th><th>what it does</th></tr>"]
    for number, node in enumerate(launches):
        said = "<br>".join(escape(line) for line in node.detail[1:])
        rows.append(
            f'<tr><td>{number}</td><td>{escape(node.label)}</td><td style="background:{colour_of(node.kind)}">'
            f"{escape(node.kind)}</td><td>{said}</td></tr>"
        )
    return "\n".join([*rows, "</table>"])
