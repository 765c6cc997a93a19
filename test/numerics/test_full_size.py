"""The networks of convnets.py and attention_models.py, imported, and their groups in fp16, by reference semantics against ONNX Runtime;
four networks under check-numerics, pass by pass."""

from __future__ import annotations

import sys
from functools import cache
from pathlib import Path

import pytest

import trtc
from trtc.compiler.debug.check_numerics import NumericsObserver
from trtc.compiler.frontend import import_onnx
from trtc.compiler.interpret.module import execute
from trtc.compiler.pipeline import phase_steps, run_pipeline
from trtc.compiler.targets import set_target

sys.path.insert(0, str(Path(__file__).parents[1] / "models"))
import attention_models
import comparing
import convnets
import launches
import zoo
from unfused import Unexplained

LEAST_CHANGE = 0.15
"""What another input changes the result by, in relative norm: fifteen times what fp16 may be off by."""


NAMES = (*convnets.NAMES, *attention_models.NAMES)
pytestmark = pytest.mark.slow


@cache
def model(name: str) -> zoo.Model:
    return (convnets if name in convnets.NAMES else attention_models).model(name)


@pytest.mark.parametrize("name", NAMES)
def test_a_network_matches_onnxruntime_and_every_edge_between_groups_has_a_reason(name: str) -> None:
    """One test, since the import and the fusion of a network are what takes long."""
    made = model(name)
    given, other = made.inputs(11), made.inputs(12)
    want = zoo.run_onnxruntime(made.proto, given)[made.compare]
    zoo.assert_input_matters(want, zoo.run_onnxruntime(made.proto, other)[made.compare], LEAST_CHANGE)
    module = import_onnx(made.proto, profiles=made.profiles)
    exact = zoo.relative_error(execute(module, given)[made.compare], want)
    set_target(module, "sm_90a")
    options = trtc.BuildOptions(precision="fp16", target="sm_90a", profiles=made.profiles, verify_each=False)
    found = Unexplained()
    run_pipeline(module, options, stop_after="fuse", observers=[found])
    rounded = zoo.relative_error(execute(module, given)[made.compare], want)
    print(f"{name}: fp32 {exact:.1e}, fp16 {rounded:.1e}; {found.edges} edges between groups")
    assert exact <= comparing.CEILING["fp32"]
    assert rounded <= comparing.CEILING["fp16"]
    assert found.silent == []
    assert found.edges > 20


@pytest.mark.parametrize("name", ["googlenet", "mobilenet_v2", "bert_base", "gpt2"])
def test_every_pass_to_the_groups_keeps_the_numbers(name: str, tmp_path: Path) -> None:
    """At the smallest sizes. Kernels of small networks of this kind are checked in test_text_models.py and test_numerics.py."""
    subject = launches.SUBJECTS[name]
    sizes = {key: (1, 1, 1) if key == "batch" else (8, 8, 8) for key in subject.profiles}
    module = import_onnx(subject.make(), profiles=sizes)
    set_target(module, "sm_90a")
    observer = NumericsObserver(seed=0, directory=tmp_path)
    options = trtc.BuildOptions(precision="fp16", target="sm_90a", profiles=sizes, verify_each=False)
    run_pipeline(module, options, stop_after="fuse", observers=[observer])
    phases = phase_steps(options)
    done = list(phases)[: list(phases).index("fuse") + 1]
    assert len(observer.checked) == sum(len(phases[phase]) for phase in done)
    assert min(compared for compared, _ in observer.checked.values()) >= 40
    assert list(tmp_path.iterdir()) == []
