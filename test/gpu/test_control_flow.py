"""Models with branches, loops and sizes that data says, on a GPU against NumPy."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from trtc import HostValueError

sys.path.insert(0, str(Path(__file__).parents[1]))

from control_models import MODELS, engine

pytestmark = pytest.mark.gpu


def context(name: str, **options: Any) -> Any:
    from trtc.compiler.targets import detect_arch

    made = engine(name, detect_arch()).create_context(**options)
    assert "simulator" not in made.device
    return made


@pytest.mark.parametrize("graphs", [False, True])
@pytest.mark.parametrize("name", MODELS)
def test_it_computes_what_numpy_does(name: str, graphs: bool) -> None:
    model, made = MODELS[name], context(name, graphs=graphs, poison=True)
    for seed in (*range(4), *range(4), *range(4)):
        inputs = model.inputs(seed)
        found = made.run(inputs)
        for output, array in model.reference(**inputs).items():
            assert found[output].shape == array.shape, (seed, output)
            np.testing.assert_allclose(found[output], array, rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("name", [name for name in MODELS if MODELS[name].beyond is not None])
def test_beyond_its_bound_a_size_is_refused_and_the_context_goes_on(name: str) -> None:
    model, made = MODELS[name], context(name)
    assert model.beyond is not None
    with pytest.raises(HostValueError, match=r"rebuild with a wider range|valid for these shapes"):
        made.run(model.beyond)
    inputs = model.inputs(0)
    found = made.run(inputs)
    for output, array in model.reference(**inputs).items():
        np.testing.assert_allclose(found[output], array, rtol=1e-5, atol=1e-6)


def test_arrays_on_the_gpu_have_their_true_sizes() -> None:
    import cupy

    model, made = MODELS["nonzero"], context("nonzero")
    for seed in (*range(3), *range(3)):
        inputs = model.inputs(seed)
        found = made.run({name: cupy.asarray(array) for name, array in inputs.items()})
        for output, array in model.reference(**inputs).items():
            assert found[output].shape == array.shape
            np.testing.assert_allclose(found[output].get(), array, rtol=1e-6)
