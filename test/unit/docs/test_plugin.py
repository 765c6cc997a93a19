"""The example of a package outside the tree: installed into an empty folder, its dialect, pass and schedule are there."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

PLUGIN = Path(__file__).parents[3] / "docs" / "examples" / "plugin"
TOOLS = Path(sys.executable).parent


@pytest.fixture(scope="module")
def environment(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """An environment in which the plugin is importable, with its entry points."""
    folder = tmp_path_factory.mktemp("plugin")
    # setuptools writes next to the source, so it gets a copy.
    source = shutil.copytree(PLUGIN, folder / "source")
    command = [
        sys.executable,
        "-m",
        "pip",
        "install",
        "--quiet",
        "--no-deps",
        "--no-build-isolation",
        "--target",
        folder / "site",
    ]
    subprocess.run([*command, source], check=True, capture_output=True)
    path = os.pathsep.join([str(TOOLS), os.environ.get("PATH", "")])
    return {**os.environ, "PYTHONPATH": str(folder / "site"), "PATH": path}


def opt(environment: dict[str, str], *args: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [TOOLS / "trtc-opt", PLUGIN / "swish.mlir", *args], env=environment, capture_output=True, text=True, check=False
    )


def test_without_the_package_the_pass_is_unknown() -> None:
    done = opt({**os.environ, "PYTHONPATH": ""}, "-p", "expand-swish")
    assert done.returncode == 2
    assert "there is no pass 'expand-swish'" in done.stderr


def test_its_lit_file_passes(environment: dict[str, str]) -> None:
    done = opt(environment, "-p", "expand-swish")
    assert done.returncode == 0, done.stderr
    checked = subprocess.run(
        [TOOLS / "filecheck", PLUGIN / "swish.mlir"],
        input=done.stdout,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert checked.returncode == 0, checked.stderr


def test_it_works_with_remarks_and_with_passes_of_trtc(environment: dict[str, str]) -> None:
    done = opt(environment, "-p", "expand-swish,cse,dce", "--remarks")
    assert done.returncode == 0, done.stderr
    assert "applied: expand-swish: swish.swish [y]: written as x * sigmoid(x)" in done.stderr


def test_constants_are_folded_by_its_semantics(environment: dict[str, str], tmp_path: Path) -> None:
    path = tmp_path / "constant.mlir"
    path.write_text(
        'func.func @main() -> tensor<2xf16> attributes {nn.outputs = ["y"]} {\n'
        "  %0 = nn.constant dense<[0.0, 2.0]> : tensor<2xf16>\n"
        "  %1 = swish.swish %0 : tensor<2xf16>\n"
        "  func.return %1 : tensor<2xf16>\n}\n"
    )
    results = []
    for passes in ("fold-constants", "expand-swish,fold-constants"):
        done = subprocess.run(
            [TOOLS / "trtc-opt", path, "-p", passes], env=environment, capture_output=True, text=True, check=True
        )
        results.append(done.stdout)
    assert results[0] == results[1], "its semantics are those of what it expands to, bit by bit"
    assert "dense<[0.000000e+00, 1.761720e+00]>" in results[0]


def test_an_op_without_semantics_says_how_to_state_them(tmp_path: Path) -> None:
    path = tmp_path / "odd.mlir"
    path.write_text(
        "func.func @main(%x: tensor<2xf32>) -> tensor<2xf32> {\n"
        '  %0 = "test.op"(%x) : (tensor<2xf32>) -> tensor<2xf32>\n'
        "  func.return %0 : tensor<2xf32>\n}\n"
    )
    done = subprocess.run([TOOLS / "trtc-opt", path, "--run"], capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert "test.op: expected an op with reference semantics, got none for it" in done.stderr
    assert "@defines of trtc.dialects.meaning, in the module of its dialect" in done.stderr


SWISH = """
import sys
import numpy as np
from xdsl.parser import Parser
from trtc.compiler.universe import make_context
from trtc.passes.fusion.fuse_groups import FuseGroupsPass
from trtc.passes.fusion.outline_groups import OutlineGroupsPass
from trtc.passes.kernels.lower_groups import LowerGroupsPass
from trtc.passes.kernels.select_schedule import SelectSchedulePass
from trtc.dialects import kernel
from trtc.runtime.simulator import run_kernel
from trtc_swish.schedule import SwishSchedule

context = make_context()
module = Parser(context, open(sys.argv[1]).read()).parse_module()
for step in (FuseGroupsPass(), OutlineGroupsPass(), SelectSchedulePass(), LowerGroupsPass()):
    step.apply(context, module)
    module.verify()
(func,) = (op for op in module.ops if isinstance(op, kernel.FuncOp))
x, y = np.random.default_rng(0).standard_normal((2, 1000)).astype(np.float32)
run_kernel(func, [x, y], {})
want = x / (1 + np.exp(-x.astype(np.float64)))
assert np.linalg.norm(y - want) <= 1e-6 * np.linalg.norm(want), (y, want)
print(func.attributes["kernel.choice"])
"""


def test_its_schedule_takes_what_no_other_does(environment: dict[str, str], tmp_path: Path) -> None:
    """A kernel for the op itself, right on the simulator; a relu after it, which the schedule refuses, is a group of its own."""
    text = """
    func.func @main(%x: tensor<10x100xf32>) -> tensor<10x100xf32> attributes {nn.inputs = ["x"], nn.outputs = ["y"]} {
      %y = swish.swish %x : tensor<10x100xf32>
      func.return %y : tensor<10x100xf32>
    }"""
    file = tmp_path / "alone.mlir"
    file.write_text(text)
    run = [sys.executable, "-c", SWISH, file]
    done = subprocess.run(run, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert '#kernel.choice<"swish", {threads = 128 : i64, vector = 1 : i64}>' in done.stdout

    file.write_text(text.replace("func.return %y", "%z = nn.relu %y : tensor<10x100xf32>\n func.return %z"))
    passes = "fuse-groups,outline-groups,select-schedule"
    opt_file = [TOOLS / "trtc-opt", file, "-p", passes, "--remarks"]
    done = subprocess.run(opt_file, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert "no schedule accepts it: pointwise: swish.swish has no scalar form" in done.stderr
    assert "no schedule accepts it: swish: expected one swish.swish alone, got swish.swish, nn.relu" in done.stderr
    assert done.stdout.count('kernel.choice = #kernel.choice<"swish"') == 1
    assert done.stdout.count('kernel.choice = #kernel.choice<"pointwise"') == 1


def test_its_schedule_wins_where_its_price_is_lower_and_loses_where_it_is_not(environment: dict[str, str]) -> None:
    passes = "fuse-groups,outline-groups,select-schedule"
    run = [TOOLS / "trtc-opt", PLUGIN / "short_rows.mlir", "-p", passes, "--remarks"]
    done = subprocess.run(run, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    chosen = dict(re.findall(r'func.func private @(\w+)\(.*kernel.choice = #kernel.choice<"(\w+)"', done.stdout))
    assert chosen == {"softmax": "thread_row", "softmax_1": "row"}
    lost = re.findall(r"@(\w+): (\w+) \{.*\} ([\d.]+) us lost to (\w+) ([\d.]+) us$", done.stderr, re.MULTILINE)
    assert [(name, loser, winner) for name, loser, _, winner, _ in lost] == [
        ("softmax", "row", "thread_row"),
        ("softmax_1", "thread_row", "row"),
    ]
    assert all(float(price) > 1.1 * float(best) for _, _, price, _, best in lost)

    without = subprocess.run(run, env={**os.environ, "PYTHONPATH": ""}, capture_output=True, text=True, check=True)
    assert "thread_row" not in without.stdout + without.stderr
    assert without.stdout.count('kernel.choice = #kernel.choice<"row"') == 2


THREAD_ROW = """
import sys
import numpy as np
from xdsl.parser import Parser
from trtc.compiler.universe import make_context
from trtc.passes.kernels.building.group import GroupView
from trtc.passes.kernels.building.schedule import default_target
from trtc.passes.kernels.select_schedule import outlined
from trtc.runtime.simulator import run_kernel
from trtc_swish.thread_row import SCHEDULE

(func,) = outlined(Parser(make_context(), sys.stdin.read()).parse_module())
problem = SCHEDULE.match(GroupView.of(func), default_target())
for choice in SCHEDULE.configs(problem, default_target()):
    (kernel,) = SCHEDULE.lower(problem, choice, default_target())
    x = np.random.default_rng(0).standard_normal((300, 5)).astype(np.float32)
    y = np.full(1500, np.nan, np.float32)
    run_kernel(kernel, [x.ravel(), y], {})
    e = np.exp(x.astype(np.float64))
    want = (e / e.sum(1, keepdims=True)).ravel()
    assert np.linalg.norm(y - want) <= 1e-6 * np.linalg.norm(want)
    print(choice)
"""


def test_a_thread_per_row_is_right(environment: dict[str, str]) -> None:
    t = "tensor<300x5xf32>"
    text = f"""func.func private @f(%x: {t}) -> {t} attributes {{fusion.anchor = "row"}} {{
      %0 = nn.softmax %x {{axis = 1 : i64}} : ({t}) -> {t}
      func.return %0 : {t}
    }}"""
    run = [sys.executable, "-c", THREAD_ROW]
    done = subprocess.run(run, env=environment, input=text, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert done.stdout.count("thread_row") == 2
