"""Models that ask for too much of an importer, as text or as protobuf."""

from __future__ import annotations

from typing import Any

from onnx import ModelProto, parser

SECONDS = 5.0
"""Of one thread's time: what a model may take to be refused, on any machine."""


def text(body: str, opset: int = 17, functions: str = "") -> ModelProto:
    imports = f'["" : {opset}, "f" : 1]'
    return parser.parse_model(f"<ir_version: 8, opset_import: {imports}>\ng {body}\n{functions}")


def function(name: str, signature: str, body: str) -> str:
    return f'<domain: "f", opset_import: ["" : 17, "f" : 1]>\n{name} {signature} {{ {body} }}\n'


def doubling(levels: int) -> ModelProto:
    """Functions that call the next one twice."""
    made = [function(f"F{i}", "(a) => (c)", f"b = f.F{i + 1}(a)\n c = f.F{i + 1}(b)") for i in range(levels)]
    last = function(f"F{levels}", "(a) => (c)", "c = Relu(a)")
    return text("(float[2] x) => (float[2] y) { [top] y = f.F0(x) }", functions="".join([*made, last]))


def nested(levels: int) -> ModelProto:
    """Functions that call the next one once."""
    made = [function(f"F{i}", "(a) => (c)", f"c = f.F{i + 1}(a)") for i in range(levels)]
    last = function(f"F{levels}", "(a) => (c)", "c = Relu(a)")
    return text("(float[2] x) => (float[2] y) { [top] y = f.F0(x) }", functions="".join([*made, last]))


def powers(start: str, squarings: int, shape: str = "A, B") -> ModelProto:
    steps = "".join(f"t{i + 1} = Mul(t{i}, t{i})\n" for i in range(squarings))
    body = f"""(float[{shape}] x) => (float[Z] y) <int64[1] i0 = {{0}}, int64[1] i1 = {{1}}> {{
        s = Shape(x)
        a = Gather(s, i0)
        b = Gather(s, i1)
        t0 = {start}
        {steps} y = ConstantOfShape(t{squarings}) }}"""
    return text(body)


def nested_divisions(levels: int) -> ModelProto:
    """((A + B) / 2 + A) / B + ... , which no rule flattens."""
    steps = "".join(
        f"u{i} = Add(t{i}, a)\n v{i} = Max(u{i}, b)\n w{i} = Add(v{i}, a)\n t{i + 1} = Min(w{i}, c)\n"
        for i in range(levels)
    )
    body = f"""(float[A, B, C] x) => (float[Z] y) <int64[1] i0 = {{0}}, int64[1] i1 = {{1}}, int64[1] i2 = {{2}}> {{
        s = Shape(x)
        a = Gather(s, i0)
        b = Gather(s, i1)
        c0 = Gather(s, i2)
        c = Mul(c0, c0)
        t0 = Add(a, b)
        {steps} y = ConstantOfShape(t{levels}) }}"""
    return text(body)


def ranked(rank: int) -> ModelProto:
    return text(f"(float[{', '.join(['1'] * rank)}] x) => (float[Z] y) {{ y = Relu(x) }}")


def initializer(**fields: Any) -> ModelProto:
    """y = x + w with one field of w set."""
    model = text("(float[4] x) => (float[Z] y) <float[4] w = {1, 2, 3, 4}> { y = Add(x, w) }")
    for name, value in fields.items():
        if name == "dims":
            model.graph.initializer[0].dims[:] = value
        else:
            setattr(model.graph.initializer[0], name, value)
    return model
