"""Random graphs of the supported operators against ONNX Runtime, built whole and run on the simulator, or on a GPU
if $TRTC_TEST_GPU is set.

The graphs come from seeds (test/models/random/graphs.py). A failure names its seed and prints the graph; run that seed alone, or a range of
seeds, which is how to look for more, with

    python test/numerics/random/sweep.py --seeds SEED [--precision PRECISION] [--target TARGET] [--control | --layers]

(`--control` for graphs with an If, Loop or Scan, `--layers` for those of layers of networks). `test_small_graphs.py` keeps what was found,
reduced.
"""

from __future__ import annotations

import sys
from collections import Counter
from pathlib import Path

import numpy as np
import pytest

import trtc
from trtc.compiler.codegen.cuda.cubin_cache import CubinCache
from trtc.compiler.debug.check_numerics import NumericsObserver
from trtc.compiler.frontend import import_onnx
from trtc.compiler.options import BuildOptions
from trtc.compiler.pipeline import phase_steps, run_pipeline
from trtc.compiler.targets import set_target
from trtc.dialects import nn

sys.path.insert(0, str(Path(__file__).parents[2]))
sys.path.insert(0, str(Path(__file__).parents[2] / "models"))
from models.random import graphs, running
from models.random.graphs import random_graph
from models.random.operators.control import CONTROL
from models.random.running import TARGETS, compare, run_seeds

SEEDS = {"fp32": range(24), "fp16": range(8), "bf16": range(5)}
CONTROL_SEEDS = {"fp32": range(8), "fp16": range(3)}
LAYER_SEEDS = {"fp32": range(24), "fp16": range(8)}
CHECKED = range(500, 520)
"""Seeds for check-numerics, which needs no NVRTC and no ONNX Runtime."""


@pytest.mark.parametrize("precision", SEEDS)
def test_random_graphs_agree_with_onnxruntime(precision: str, tmp_path: Path) -> None:
    pytest.importorskip("cupy", reason="NVRTC comes with CuPy")
    seeds = SEEDS[precision]
    refused = run_seeds(seeds, precision, TARGETS, CubinCache(tmp_path))
    assert refused <= len(seeds) // 8, "few graphs of supported operators are refused"


@pytest.mark.parametrize("precision", CONTROL_SEEDS)
def test_random_control_flow_agrees_with_onnxruntime(precision: str, tmp_path: Path) -> None:
    pytest.importorskip("cupy", reason="NVRTC comes with CuPy")
    seeds = CONTROL_SEEDS[precision]
    refused = run_seeds(seeds, precision, TARGETS, CubinCache(tmp_path), control=True)
    assert refused <= len(seeds) // 4, "few graphs of supported operators are refused"


@pytest.mark.parametrize("precision", LAYER_SEEDS)
def test_random_layers_agree_with_onnxruntime(precision: str, tmp_path: Path) -> None:
    """Attention, feed-forward layers, inception modules, dense blocks, skips: to kernels, a few built whole."""
    seeds = LAYER_SEEDS[precision]
    assert run_seeds(seeds, precision, TARGETS, None, layers=True, whole=False) == 0
    pytest.importorskip("cupy", reason="NVRTC comes with CuPy")
    assert run_seeds(seeds[-3:], precision, TARGETS, CubinCache(tmp_path), layers=True) == 0


def test_graphs_of_layers_have_attention_of_every_form_concats_and_siblings() -> None:
    """What fusion recognises of them: a grammar that nothing matches tests nothing."""
    found: Counter[str] = Counter()
    for seed in range(60):
        case = random_graph(seed, layers=True)
        module = import_onnx(case.model, profiles=case.profiles)
        set_target(module, TARGETS[-1])
        run_pipeline(module, BuildOptions(profiles=case.profiles), stop_after="graph")
        for op in module.walk():
            found[op.name] += 1
            if isinstance(op, nn.AttentionOp):
                found["causal"] += op.causal is not None
                found["masked"] += op.mask is not None
    print(found.most_common())
    assert min(found[name] for name in ("nn.attention", "causal", "masked")) >= 3, found


def test_graphs_with_control_flow_have_every_kind_also_nested() -> None:
    found: Counter[str] = Counter()
    for seed in range(40):
        graph = random_graph(seed, control=True).model.graph
        kinds = [node for node in graphs.nodes_of(graph) if node.op_type in CONTROL]
        found.update(node.op_type for node in kinds)
        found["nested"] += len(kinds) > sum(node.op_type in CONTROL for node in graph.node)
        found["captures"] += any(set(graphs.reads(node)) - set(node.input) for node in kinds)
        assert kinds, f"seed {seed} has no control flow"
    assert min(found[name] for name in (*CONTROL, "nested", "captures")) >= 2, found


def test_every_pass_keeps_the_numbers_of_random_graphs(tmp_path: Path) -> None:
    """check-numerics through the whole pipeline, in fp32."""
    checked = 0
    for seed in CHECKED:
        case = random_graph(seed)
        try:
            module = import_onnx(case.model, profiles=case.profiles)
            set_target(module, TARGETS[seed % len(TARGETS)])
            observer = NumericsObserver(seed=seed, directory=tmp_path)
            run_pipeline(module, BuildOptions(profiles=case.profiles), observers=[observer])
        except (trtc.UnsupportedOpError, trtc.InvalidModelError):
            continue
        except trtc.PassError as error:
            if "no finite entry to compare" in str(error):
                continue  # an empty output
            raise AssertionError(f"{case}\n{error}") from error
        assert len(observer.checked) == sum(len(steps) for steps in phase_steps(BuildOptions()).values())
        checked += 1
    assert checked >= len(CHECKED) * 3 // 4


def test_equal_seeds_give_equal_graphs() -> None:
    one, other, third = (random_graph(seed) for seed in (3, 3, 4))
    assert one.model.SerializeToString(deterministic=True) == other.model.SerializeToString(deterministic=True)
    assert one.model.SerializeToString(deterministic=True) != third.model.SerializeToString(deterministic=True)
    for name, array in one.inputs[0].items():
        np.testing.assert_array_equal(array, other.inputs[0][name])


def test_a_wrong_number_is_found_with_its_seed(monkeypatch: pytest.MonkeyPatch) -> None:
    """The guard of this file: where ONNX Runtime says something else, the failure names the seed."""
    pytest.importorskip("cupy", reason="NVRTC comes with CuPy")
    right = graphs.run_onnxruntime
    case = random_graph(3)

    def wrong(model: object, inputs: object) -> list[np.ndarray]:
        return [result + np.ones((), result.dtype) for result in right(model, inputs)]  # type: ignore[arg-type]

    assert compare(case, "fp32", TARGETS[0], None)
    monkeypatch.setattr(graphs, "run_onnxruntime", wrong)
    monkeypatch.setattr(running, "random_graph", lambda seed, precision, **kinds: case)
    with pytest.raises(AssertionError, match=f"fp32 on {TARGETS[-1]}, seed 3:"):
        run_seeds([3], "fp32", TARGETS, None)
