"""ONNX models, valid but for some random changes in their parts or their bytes, through the importer."""

from __future__ import annotations

import random
import sys
import warnings
from pathlib import Path

from trtc.compiler.buildable import check_extents, check_kernel_types
from trtc.compiler.frontend import import_onnx

sys.path.insert(0, str(Path(__file__).parents[1]))
from models.random.onnx_models import change, valid_model

warnings.simplefilter("ignore")  # NumPy's, of overflow and division by zero


def run(seed: int) -> None:
    rng = random.Random(seed)
    model = valid_model(rng)
    for _ in range(rng.choice([0, 1, 1, 2, 3, 6])):
        change(rng, model)
    if rng.random() < 0.3:
        data = bytearray(model.SerializeToString())
        for _ in range(rng.choice([1, 1, 2, 8])):
            kind, at = rng.randrange(4), rng.randrange(len(data) + 1)
            if kind == 0:
                del data[at : at + rng.choice([1, 2, 30])]
            elif kind == 1:
                data[at:at] = bytes(rng.randrange(256) for _ in range(rng.choice([1, 2, 5])))
            elif at < len(data):
                data[at] = rng.randrange(256) if kind == 2 else data[at] ^ (1 << rng.randrange(8))
        module = import_onnx(bytes(data))
    else:
        module = import_onnx(model)
    check_kernel_types(module)
    check_extents(module)
