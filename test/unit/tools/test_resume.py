"""`trtc-opt` goes on from any file that `--dump-dir` wrote, and ends where the straight run ends."""

from __future__ import annotations

import gc
from pathlib import Path

import numpy as np
import pytest
from xdsl.parser import Parser

from trtc.compiler.options import BuildOptions
from trtc.compiler.pipeline import PHASES, phase_steps
from trtc.compiler.resume import level, passes_until, position
from trtc.compiler.tools import demo, trtc_opt
from trtc.compiler.universe import make_context
from trtc.dialects.errors import OptionError

STEPS = phase_steps(BuildOptions())
ALL = passes_until(PHASES[-1], STEPS)
FOLDS = [number for number, step in enumerate(STEPS["graph"], 1) if step.name == "fold-constants"]


def run(*args: object) -> int:
    with pytest.raises(SystemExit) as exit_:
        trtc_opt.main([str(arg) for arg in args])
    assert isinstance(exit_.value.code, int)
    return exit_.value.code


def small_model(path: Path) -> list[str]:
    """A convolution, a matmul and a softmax with weights and a dynamic batch; the flags that it needs."""
    import onnx
    from onnx import TensorProto, helper, numpy_helper

    rng = np.random.default_rng(0)
    weights = {"w": rng.standard_normal((16, 3, 3, 3)), "m": rng.standard_normal((16, 24))}
    nodes = [
        helper.make_node("Conv", ["x", "w"], ["c"], "conv1", pads=[1, 1, 1, 1]),
        helper.make_node("Relu", ["c"], ["r"], "relu1"),
        helper.make_node("GlobalAveragePool", ["r"], ["p"], "pool1"),
        helper.make_node("Flatten", ["p"], ["f"], "flatten1"),
        helper.make_node("MatMul", ["f", "m"], ["l"], "matmul1"),
        helper.make_node("Softmax", ["l"], ["y"], "softmax1"),
    ]
    x = helper.make_tensor_value_info("x", TensorProto.FLOAT, ["N", 3, 8, 8])
    y = helper.make_tensor_value_info("y", TensorProto.FLOAT, ["N", 24])
    initializers = [numpy_helper.from_array(array.astype(np.float32), name) for name, array in weights.items()]
    graph = helper.make_graph(nodes, "g", [x], [y], initializers)
    onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=10), path)
    return ["--profile=N=1,2,8"]


def next_phase(number: int) -> str:
    """The phase of the pass after this many; of the last, its own."""
    return next(phase for phase in PHASES if passes_until(phase, STEPS) > min(number, ALL - 1))


def dumped(dumps: list[Path], phase: str) -> str:
    """The module at the end of a phase."""
    return dumps[passes_until(phase, STEPS)].read_text() + "\n"


def check_every_dump(model: Path, flags: list[str], folder: Path, *precision: str) -> None:
    """Run straight, then from each dump by its name to the end of the phase of the next pass, and so in steps to the end of all: the same
    modules, locations included."""
    out = folder / "out.mlir"
    end = ["--print-debuginfo", *precision, "-o", out]
    assert run(model, *flags, *end, "--stop-after=threads", "--dump-dir", folder / "ir") == 0
    dumps = sorted((folder / "ir").glob("*.mlir"))
    assert [path.stem.split("-", 1)[0] for path in dumps] == [f"{index:02d}" for index in range(ALL + 1)]
    assert out.read_text() == dumped(dumps, PHASES[-1])
    for number, dump in enumerate(dumps):
        gc.collect()
        out.unlink()
        phase = next_phase(number)
        args = ["--blobs", folder / "ir" / "blobs.npz", f"--start-after={dump.stem}", f"--stop-after={phase}"]
        assert run(dump, *args, *end) == 0
        assert out.read_text() == dumped(dumps, phase), dump.name


def test_every_dump_resumes_by_its_name(tmp_path: Path) -> None:
    flags = small_model(tmp_path / "model.onnx")
    check_every_dump(tmp_path / "model.onnx", flags, tmp_path, "--precision=fp16")


@pytest.mark.slow
@pytest.mark.network
def test_every_dump_of_the_demo_resumes(tmp_path: Path) -> None:
    from trtc.compiler.tools.fetch_models import fetch

    flags = [f"--profile={dim}={','.join(map(str, sizes))}" for dim, sizes in demo.PROFILES.items()]
    check_every_dump(fetch(demo.MODEL), flags, tmp_path)


def test_a_file_says_by_what_it_holds_how_far_it_is(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    flags = small_model(tmp_path / "model.onnx")
    ir, out = tmp_path / "ir", tmp_path / "out.mlir"
    assert (
        run(tmp_path / "model.onnx", *flags, "--print-debuginfo", "--stop-after=threads", "--dump-dir", ir, "-o", out)
        == 0
    )
    levels: dict[str, str] = {}
    dumps = sorted(ir.glob("*.mlir"))
    for number, dump in enumerate(dumps):
        module = Parser(make_context(), dump.read_text()).parse_module()
        levels[dump.stem.split("-", 1)[1]] = level(module)[0]
        if level(module)[0] == "model":
            continue
        phase = next_phase(number)
        args = ["--blobs", ir / "blobs.npz", "--print-debuginfo", f"--stop-after={phase}", "--timing", "-o", out]
        assert run(dump, *args) == 0
        assert out.read_text() == dumped(dumps, phase), dump.name
        ran = capsys.readouterr().err
        assert "canonicalize-nn" not in ran
        assert (STEPS[phase][-1].name in ran) == (level(module)[0] != "threads"), dump.name
    assert levels == {
        **dict.fromkeys(("input", *(step.name for phase in ("graph", "quantize") for step in STEPS[phase])), "model"),
        **dict.fromkeys((step.name for step in (*STEPS["fuse"], STEPS["kernels"][0])), "groups"),
        "decompose-attention": "model",  # right before there are groups
        "mark-early-operands": "groups", "lower-groups": "tiles",
        **dict.fromkeys(("bufferize", "plan-arena", "insert-pdl"), "buffers"),
        "place-shared-memory": "tiles", "expand-rings": "tiles", "lower-fragments": "threads",
    }  # fmt: skip


def test_positions() -> None:
    assert position("00-input", STEPS) == position("import", STEPS) == 0
    assert position("graph", STEPS) == position("dce", STEPS) == len(STEPS["graph"])
    assert position(f"{FOLDS[1]:02}-fold-constants", STEPS) == FOLDS[1] < FOLDS[2]
    assert position("threads", STEPS) == ALL


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("fold-constants", f"pass 'fold-constants' runs 3 times; say which: {', '.join(f'{n:02}-fold-constants' for n in FOLDS)}"),
        ("06-fold-constants", "did you mean '0"),
        ("nowhere-at-all", "the phases are import, graph"),
        ("canonicalize", "is no phase and no pass of the pipeline"),
    ],
)  # fmt: skip
def test_an_unknown_position_is_a_sentence(text: str, message: str) -> None:
    with pytest.raises(OptionError, match="--start-after") as error:
        position(text, STEPS)
    assert message in str(error.value)


def test_misuse_is_a_sentence(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    flags = small_model(tmp_path / "model.onnx")
    fused = tmp_path / "fused.mlir"
    blobs = tmp_path / "blobs.npz"
    saved = ["--save-blobs", blobs, "-o", fused]
    fuse, memory = (f"{passes_until(phase, STEPS):02}-{STEPS[phase][-1].name}" for phase in ("fuse", "memory"))
    assert run(tmp_path / "model.onnx", *flags, "--stop-after=fuse", "--arch=sm_90a", *saved) == 0
    for args, message in (
        (["--start-after=fuse"], "--start-after does nothing without --stop-after"),
        (["--start-after=memory", "--stop-after=fuse"], f"--start-after is after {memory}, past the end of phase 'fuse'"),
        (["--stop-after=graph"], f"the module is after {fuse}, past the end of phase 'graph'"),
        (["--stop-after=memory", "--arch=sm_80"], "--arch sm_80: the module was made for sm_90a"),
        (["--start-after=fuse", "--stop-after=memory", "--print-ir-after=cse"], "pass 'cse' does not run here"),
    ):  # fmt: skip
        assert run(fused, "--blobs", blobs, *args) == 2
        assert message in capsys.readouterr().err
    assert run(fused, "--blobs", blobs, "--stop-after=memory", "--arch=sm_90a") == 0
    assert run(tmp_path / "model.onnx", *flags, "--start-after=import", "--stop-after=graph") == 2
    assert "an ONNX file has been through no pass" in capsys.readouterr().err
