"""Models whose data lie beside them, with random places, numbers, types and dims, among links, pipes and folders."""

from __future__ import annotations

import os
import random
import sys
import warnings
from functools import cache
from pathlib import Path
from typing import Any

from onnx import TensorProto

from trtc.compiler.frontend import import_onnx

sys.path.insert(0, str(Path(__file__).parents[1]))
from models.random.onnx_models import INTEGERS, change, valid_model

warnings.simplefilter("ignore")

PLACES = [
    "ok.bin", "ok.bin", "ok.bin", "./ok.bin", "sub/../ok.bin", "sub/ok.bin", "inner", "ok.bin/.", "empty.bin", "no.bin", "", ".", "..", "/",
    "sub", "../secret.bin", "sub/../../secret.bin", "link", "up/secret.bin", "up/models/ok.bin", "loop", "gone", "fifo", "/dev/zero",
    "/dev/stdin", "/etc/passwd", "/proc/self/mem", "~/x", "file:///etc/passwd", "a\0b", "é", "x" * 300, "x/" * 3000, "model.onnx", "\n",
]  # fmt: skip
NUMBERS = [*map(str, INTEGERS), "", "abc", " 4 ", "1e3", "0x10", "+4", "４", "4096", "4097", "12", "4.0", "9" * 400]
opened: list[str] = []


@cache
def folder() -> Path:
    """A model's folder in the current one, beside a secret; files that are opened are noted from then on."""
    models = Path.cwd() / "models"
    (models / "sub").mkdir(parents=True, exist_ok=True)
    (Path.cwd() / "secret.bin").write_bytes(b"S" * 4096)
    (models / "ok.bin").write_bytes(bytes(range(256)) * 16)
    (models / "sub" / "ok.bin").write_bytes(bytes(4096))
    (models / "empty.bin").touch()
    for name, target in (
        ("link", "../secret.bin"),
        ("up", ".."),
        ("inner", "ok.bin"),
        ("loop", "loop"),
        ("gone", "no.bin"),
    ):
        if not (models / name).is_symlink():
            (models / name).symlink_to(target)
    if not (models / "fifo").exists():
        os.mkfifo(models / "fifo")
    sys.addaudithook(_note)
    return models


def _note(event: str, arguments: tuple[Any, ...]) -> None:
    if event == "open" and isinstance(arguments[0], str | bytes | Path):
        opened.append(os.path.realpath(os.fsdecode(arguments[0])))


def run(seed: int) -> None:
    rng, models = random.Random(seed), folder()
    model = valid_model(rng)
    tensors = [*model.graph.initializer, *(a.t for node in model.graph.node for a in node.attribute if a.HasField("t"))]
    if not tensors:
        tensor = model.graph.initializer.add(name="extra", data_type=1, dims=[4])
        model.graph.node.add(op_type="Abs", input=["extra"], output=["unused"])
        tensors = [tensor]
    for tensor in tensors:
        if rng.random() < 0.8:
            _move_out(rng, tensor)
    for _ in range(rng.choice([0, 0, 0, 1, 2])):
        change(rng, model)
    path = models / "model.onnx"
    path.write_bytes(model.SerializeToString())
    opened.clear()
    try:
        import_onnx(path)
    finally:
        secret = str(models.parent / "secret.bin")
        outside = [each for each in opened if each == secret or each.startswith(("/dev/", "/proc/", "/etc/passwd"))]
        assert not outside, f"opened {outside[0]}"


def _move_out(rng: random.Random, tensor: Any) -> None:
    for name in ("raw_data", "float_data", "int32_data", "int64_data", "double_data", "uint64_data"):
        if rng.random() < 0.95:
            tensor.ClearField(name)
    tensor.data_location = TensorProto.EXTERNAL
    if rng.random() < 0.97:
        tensor.external_data.add(key="location", value=rng.choice(PLACES))
    for key in ("offset", "length", "checksum", "basepath"):
        if rng.random() < 0.3:
            tensor.external_data.add(
                key=key, value=rng.choice(NUMBERS) if key in ("offset", "length") else rng.choice(PLACES)
            )
    if rng.random() < 0.2:
        tensor.data_type = rng.choice([0, 1, 2, 3, 6, 7, 8, 9, 10, 11, 12, 14, 16, 17, 19, 21, 22, 23, 24, 26, 999])
    if rng.random() < 0.25:
        tensor.dims[:] = [rng.choice(INTEGERS) for _ in range(rng.choice([0, 1, 1, 2, 3, 40]))]
