"""Models that ask for too much, or for nonsense: one clear error (or the right result) in seconds and in bounded memory."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from onnx import ModelProto

import trtc
from trtc.compiler.frontend import import_onnx
from trtc.dialects.errors import InvalidModelError, TrtcError, UnsupportedOpError

sys.path.insert(0, str(Path(__file__).parents[2] / "models"))
from hostile import SECONDS, doubling, function, initializer, nested, nested_divisions, powers, ranked, text


def refused_by(model: ModelProto | bytes, error: type[TrtcError], message: str) -> None:
    start = time.process_time()
    with pytest.raises(error, match=message):
        import_onnx(model)
    assert time.process_time() - start < SECONDS


TOO_MUCH: dict[str, tuple[Callable[[], ModelProto], str]] = {
    "ConstantOfShape of 1e12": (
        lambda: text("(float[1] x) => (float[Z] y) <int64[1] s = {1000000000000}> { [big] c = ConstantOfShape(s)\n y = Add(c, x) }"),
        r"big \(ConstantOfShape.*4000000000000 bytes of constants are to be computed",
    ),
    "many ConstantOfShapes": (
        lambda: text("(float[1] x) => (float[Z] y) <int64[1] s = {9000000}> {"
                     + "".join(f"c{i} = ConstantOfShape(s)\n" for i in range(20))
                     + f"y = Sum(x, {', '.join(f'c{i}' for i in range(20))}) }}"),
        r"#7:c7 \(ConstantOfShape.*288000000 bytes of constants are to be computed",
    ),
    "Range in floats": (
        lambda: text("() => (float[Z] y) <float a = {0}, float b = {1e10}, float c = {0.5}> { y = Range(a, b, c) }"),
        "its result has 20000000000 elements",
    ),
    "Range without an end": (
        lambda: text("() => (float[Z] y) <float a = {0}, float b = {1e38}, float c = {1e-38}> { y = Range(a, b, c) }"),
        "Range",
    ),
    "Range in integers": (
        lambda: text("() => (int64[Z] y) <int64 a = {0}, int64 b = {1000000000000}, int64 c = {1}> { y = Range(a, b, c) }"),
        "its result has 1000000000000 elements",
    ),
    "Expand": (
        lambda: text("(float[1] x) => (float[Z] y) <float[1] d = {1}, int64[1] s = {1000000000}> {"
                     "[wide] a = Expand(d, s)\n b = Mul(a, a)\n y = Add(b, x) }"),
        r"wide \(Expand.*4000000000 bytes of constants",
    ),
    "Expand step by step": (
        lambda: text("(float[1] x) => (float[Z] y) <float[1] d = {1}, "
                     + ", ".join(f"int64[{i + 1}] s{i} = {{{', '.join(['8'] * (i + 1))}}}" for i in range(11))
                     + "> { a0 = Expand(d, s0)\n" + "".join(f"a{i} = Expand(a{i - 1}, s{i})\n" for i in range(1, 11))
                     + "y = Add(a10, x) }"),
        r"#8:a8 \(Expand.*bytes of constants",
    ),
    "Expand of an input": (
        lambda: text("(float[1] x) => (float[Z] y) <int64[1] s = {1000000000000}> { y = Expand(x, s) }"),
        "its result has 1000000000000 elements; kernels index 2147483647 at most",
    ),
    "Tile": (
        lambda: text("() => (float[Z] y) <float[2] d = {1, 2}, int64[1] s = {1000000000}> { y = Tile(d, s) }"),
        r"Tile.*bytes of constants are to be computed",
    ),
    "Pad": (
        lambda: text("() => (float[Z] y) <float[2] d = {1, 2}, int64[2] s = {1000000000, 0}> { y = Pad(d, s) }"),
        r"Pad.*bytes of constants are to be computed",
    ),
    "Gather of constants": (
        lambda: text("(float[1] x) => (float[Z, W] y) <float[1] d = {1}, int64[2] n = {1, 40000}, int64[1] m = {40000}> {"
                     "a = Expand(d, n)\n i = ConstantOfShape<value = int64[1] {0}>(m)\n b = Gather(a, i)\n y = Add(b, x) }"),
        r"Gather.*bytes of constants are to be computed",
    ),
    "Concat of constants": (
        lambda: text("(float[1] x) => (float[Z] y) <float[1] d = {1}, int64[1] n = {30000000}> {"
                     "a = Expand(d, n)\n b = Concat<axis = 0>(a, a, a, a)\n y = Add(b, x) }"),
        r"Concat.*bytes of constants are to be computed",
    ),
    "a product of constants": (
        lambda: text("(float[1] x) => (float[Z, W] y) <float[1] d = {1}, int64[2] n = {1, 40000}, int64[2] m = {40000, 1}> {"
                     "a = Expand(d, n)\n b = Expand(d, m)\n c = Add(a, b)\n y = Add(c, x) }"),
        r"Add.*bytes of constants are to be computed",
    ),
    "a tensor of more than 2^31 elements": (
        lambda: text("(float[65536, 1] x, float[1, 65536] z) => (float[Z, W] y) { y = Mul(x, z) }"),
        "its result has 4294967296 elements; kernels index 2147483647 at most",
    ),
    "powers of a static dim": (lambda: powers("Add(a, b)", 34, "3, 4"), r"Mul|ConstantOfShape"),
    "nested minima": (lambda: nested_divisions(400), "a dim expression nests 65 divisions, minima and maxima"),
    "rank 5000": (lambda: ranked(5000), "input 'x' has rank 5000; expected at most 32"),
    "a constant of rank 5000": (
        lambda: initializer(dims=[1] * 4999 + [4]), "initializer 'w' has rank 5000; expected at most 32"
    ),
    "a reshape to rank 200": (
        lambda: text(f"(float[1] x) => (float[Z] y) <int64[200] s = {{{', '.join(['1'] * 200)}}}> {{ y = Reshape(x, s) }}"),
        "its result has rank 200; expected at most 32",
    ),
    "functions that double": (lambda: doubling(24), "become more than 20000 nodes; 'top' alone becomes 50331647"),
    "functions that double without end": (lambda: doubling(900), "become more than 20000 nodes; 'top' alone becomes about 2"),
    "functions within functions": (lambda: nested(3000), "'top' calls functions 3001 deep; expected at most 64"),
}  # fmt: skip


@pytest.mark.parametrize("kind", TOO_MUCH)
def test_too_much_is_refused_before_the_work(kind: str) -> None:
    make, message = TOO_MUCH[kind]
    refused_by(make(), UnsupportedOpError, message)


def test_refusing_takes_no_memory(tmp_path: Path) -> None:
    """All of the above in one process that may take 1 GB beside what it has when trtc is loaded."""
    for index, (make, _) in enumerate(TOO_MUCH.values()):
        (tmp_path / f"{index}.onnx").write_bytes(make().SerializeToString())
    code = f"""
import resource, sys, pathlib, trtc
from trtc.compiler.frontend import import_onnx
used = int(open("/proc/self/statm").read().split()[0]) * resource.getpagesize()
resource.setrlimit(resource.RLIMIT_AS, (used + (1 << 30), resource.RLIM_INFINITY))
for index in range({len(TOO_MUCH)}):
    try:
        import_onnx(f"{tmp_path}/{{index}}.onnx")
    except trtc.UnsupportedOpError:
        print(index)
print(open("/proc/self/status").read().split("VmHWM:")[1].split()[0])  # ru_maxrss begins at the parent's
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 0, done.stderr[-500:]
    *refused, kilobytes = done.stdout.split()
    assert refused == [str(index) for index in range(len(TOO_MUCH))]
    assert int(kilobytes) < (1 << 20) + (1 << 19)


NONSENSE: dict[str, tuple[Callable[[], ModelProto | bytes], str]] = {
    "a function that calls itself": (
        lambda: text("(float[2] x) => (float[2] y) { y = f.F(x) }", functions=function("F", "(a) => (c)", "c = f.F(a)")),
        r"functions must not call themselves, and these do: 'f\.F' -> 'f\.F'",
    ),
    "functions that call each other": (
        lambda: text("(float[2] x) => (float[2] y) { y = f.F(x) }",
                     functions=function("F", "(a) => (c)", "c = f.G(a)") + function("G", "(a) => (c)", "c = f.F(a)")),
        r"'f\.F' -> 'f\.G' -> 'f\.F'",
    ),
    "a recursive function that nobody calls": (
        lambda: text("(float[2] x) => (float[2] y) { y = Relu(x) }", functions=function("F", "(a) => (c)", "c = f.F(a)")),
        "functions must not call themselves",
    ),
    "two functions of one name": (
        lambda: text("(float[2] x) => (float[2] y) { y = f.F(x) }", functions=function("F", "(a) => (c)", "c = Relu(a)") * 2),
        r"has two functions 'f\.F'; keep one",
    ),
    "a call with too many operands": (
        lambda: text("(float[2] x) => (float[2] y) { [call] y = f.F(x, x) }", functions=function("F", "(a) => (c)", "c = Relu(a)")),
        r"call calls function 'f\.F': expected at most 1 operands, got 2",
    ),
    "a call with too many results": (
        lambda: text("(float[2] x) => (float[2] y) { [call] y, z = f.F(x) }", functions=function("F", "(a) => (c)", "c = Relu(a)")),
        r"call calls function 'f\.F': expected at most 1 results, got 2",
    ),
    "a call with an unknown attribute": (
        lambda: text("(float[2] x) => (float[2] y) { y = f.F<k = 1>(x) }", functions=function("F", "(a) => (c)", "c = Relu(a)")),
        "it has no attribute 'k'",
    ),
    "a function that misses an output": (
        lambda: text("(float[2] x) => (float[2] y) { y = f.F(x) }", functions=function("F", "(a) => (c)", "b = Relu(a)")),
        r"function 'f\.F' makes no value 'c', which is one of its outputs",
    ),
    "a function that reads what nobody makes": (
        lambda: text("(float[2] x) => (float[2] y) { y = f.F(x) }", functions=function("F", "(a) => (c)", "c = Add(a, ghost)")),
        "reads 'F#0/ghost', which nothing in the graph makes",
    ),
    "a call with too few operands": (
        lambda: text("(float[2] x) => (float[2] y) { y = f.F(x) }", functions=function("F", "(a, b) => (c)", "c = Add(a, b)")),
        r"F#0/Add#0 \(Add.*operand 1 is missing",
    ),
    "negative dims": (lambda: initializer(dims=[-1, 4]), r"initializer 'w' has the dims \[-1, 4\]; expected 0 or more"),
    "too many dims": (lambda: initializer(dims=[2**62, 4]), "initializer 'w' is damaged"),
    "a data type that is none": (lambda: initializer(data_type=999), "the data type 999, which ONNX does not know"),
    "an index out of range": (
        lambda: text("(float[5] x) => (float[Z] y) <int64[2] i = {0, 5}> { y = Gather(x, i) }"),
        r"run from 0 to 5, expected \[-5, 5\)",
    ),
    "an index before the front": (
        lambda: text("(float[5, 2] x) => (float[Z] y) <int64[1, 2] i = {0, -3}> { y = GatherND(x, i) }"),
        r"run from -3 to -3, expected \[-2, 2\)",
    ),
    "an index beyond the profile": (
        lambda: text("(float[N] x) => (float[Z] y) <int64[1] i = {512}> { y = Gather(x, i) }"),
        r"run from 512 to 512, expected \[-512, 512\)",
    ),
    "deep bytes": (lambda: subgraphs_in_bytes(3000), "or hold subgraphs that nest too deep"),
}  # fmt: skip


def subgraphs_in_bytes(levels: int) -> bytes:
    """A model as a file that a parser descends into, one length-delimited field in the other: graph, node, attribute, graph, ..."""
    data = b""
    for _ in range(levels):
        for tag in (0x32, 0x2A, 0x0A):  # AttributeProto.g, NodeProto.attribute, GraphProto.node
            size, length = b"", len(data)
            while length > 127:
                size, length = size + bytes([length & 127 | 128]), length >> 7
            data = bytes([tag]) + size + bytes([length]) + data
    size, length = b"", len(data)
    while length > 127:
        size, length = size + bytes([length & 127 | 128]), length >> 7
    return b"\x3a" + size + bytes([length]) + data


@pytest.mark.parametrize("kind", NONSENSE)
def test_nonsense_is_one_error(kind: str) -> None:
    make, message = NONSENSE[kind]
    refused_by(make(), InvalidModelError, message)


def test_text_that_nests_without_end(tmp_path: Path) -> None:
    path = tmp_path / "deep.onnxtxt"
    path.write_text(
        "g (float[2] x) => (float[2] y) { y = If<then_branch = " + "g () => () { z = If<then_branch = " * 100_000
    )
    with pytest.raises(InvalidModelError, match="nests brackets 100001 deep"):
        import_onnx(path)


def test_a_file_that_protobuf_cannot_read(tmp_path: Path) -> None:
    path = tmp_path / "large.onnx"
    with path.open("wb") as file:
        os.truncate(file.fileno(), 2**31 + 5)  # no bytes on the disk
    with pytest.raises(InvalidModelError, match="save the model with its weights as external data"):
        import_onnx(path)


# Errors name all that is wrong


def test_one_error_names_every_offending_node() -> None:
    body = """(float[3] x, string[2] s, int64[1] k, bool c) => (float[3] y, float[3] z, float[A] v, float[B] w, float[C] h) {
        [t] a = Relu(x)
        [u] b = OptionalGetElement(a)
        [relu] y = Relu(b)
        [hann] h = HammingWindow(k)
        [gelu] z = Mish(a)
        [soft] v = Softmax<axis = 4>(x)
        [branch] w = If(c) <then_branch = g1 () => (float[B] q) { [in] q = OptionalGetElement(x) },
                            else_branch = g2 () => (float[B] r) { r = Relu(x) }> }"""
    model = text(body, opset=18)
    with pytest.raises(UnsupportedOpError) as caught:
        import_onnx(model)
    lines = str(caught.value).splitlines()[1:]
    starts = [line[4:].split(" (")[0].split(":")[0] for line in lines]
    assert starts == ["input 's'", "u", "soft", "branch/then/in"]


def test_types_without_kernels_are_said_before_the_passes() -> None:
    """8-bit floats are stored and converted, not multiplied."""
    net = trtc.Network()
    x = net.add_input("x", "f8E4M3FN", (4, 4))
    for name in ("y", "z"):
        net.mark_output(net.add_cast(net.add_matmul(x, x), "f32"), name)
    with pytest.raises(UnsupportedOpError) as caught:
        trtc.build(net, trtc.BuildOptions(target="sm_80"), cache=None)
    why = "it takes or makes f8E4M3FN; trtc stores and converts 8-bit floats: cast the operands"
    assert str(caught.value).splitlines() == [
        "no kernel computes on the types of 2 of the model's ops:",
        *(f"  - nn.matmul (from matmul_{number}): {why}" for number in range(2)),
    ]
    cast = text(
        "(float[4] x) => (float8e4m3fn[4] y, float[4] z) { y = Cast<to = 17>(x)\n z = Cast<to = 1>(y) }", opset=19
    )
    assert trtc.build(cast, trtc.BuildOptions(target="sm_80"), cache=None).stats.compiles > 0


@pytest.mark.parametrize(
    ("body", "error"),
    [
        ("(float[2, 2] x) => (float[2, 2] y) { y = OptionalGetElement(x) }", UnsupportedOpError),
        ("(bool[2, 2] x) => (bool[2, 2] y) { y = MatMul(x, x) }", InvalidModelError),
        ("(int64[2, 3] x, int64[2, 4] z) => (int64[A, B] y) { y = MatMul(x, z) }", InvalidModelError),
        ("(int64[2] x, int32[2] z) => (int64[2] y) { y = Add(x, z) }", InvalidModelError),
    ],
)
def test_only_what_breaks_onnx_is_called_invalid(body: str, error: type[TrtcError]) -> None:
    with pytest.raises(TrtcError) as caught:
        import_onnx(text(body))
    assert type(caught.value) is error
