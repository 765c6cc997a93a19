"""External data: every wrong way to say where it lies ends in one error, and no file outside the model's folder is opened."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from onnx import ModelProto, TensorProto, parser

from trtc.compiler.frontend import import_onnx
from trtc.dialects.errors import InvalidModelError, TrtcError
from trtc.dialects.meaning import run_module

ADD = """<ir_version: 8, opset_import: ["" : 17]>
g (float[4] x) => (float[A] y) <float[4] w = {1, 2, 3, 4}> { y = Add(x, w) }"""
CONSTANT = """<ir_version: 8, opset_import: ["" : 17]>
g (float[4] x) => (float[A] y) { w = Constant<value = float[4] {1, 2, 3, 4}>()
 y = Add(x, w) }"""

_opened: list[str] = []
_listening = False


def _hook(event: str, arguments: tuple[Any, ...]) -> None:
    if _listening and event == "open" and isinstance(arguments[0], str | bytes):
        _opened.append(os.path.realpath(os.fsdecode(arguments[0])))


sys.addaudithook(_hook)


@pytest.fixture
def folder(tmp_path: Path) -> Iterator[Path]:
    """A model's folder next to a secret file, with every kind of entry; it yields while opened files are recorded."""
    global _listening
    (tmp_path / "secret.bin").write_bytes(b"S" * 4096)
    models = tmp_path / "models"
    (models / "sub").mkdir(parents=True)
    np.arange(1024, dtype=np.float32).tofile(models / "ok.bin")
    (models / "empty.bin").touch()
    for name, target in (
        ("link", "../secret.bin"),
        ("up", ".."),
        ("inner", "ok.bin"),
        ("loop", "loop"),
        ("gone", "no.bin"),
    ):
        (models / name).symlink_to(target)
    os.mkfifo(models / "fifo")
    _opened.clear()
    _listening = True
    yield models
    _listening = False
    outside = [path for path in _opened if path.startswith(str(tmp_path)) and not path.startswith(str(models))]
    assert not outside, "opened outside the model's folder"
    assert not [path for path in _opened if path.startswith(("/dev", "/proc", "/etc"))]


def external(body: str, **entries: str) -> ModelProto:
    model = parser.parse_model(body)
    attribute = body is CONSTANT
    tensor = model.graph.node[0].attribute[0].t if attribute else model.graph.initializer[0]
    tensor.ClearField("float_data")
    tensor.data_location = TensorProto.EXTERNAL
    for key, value in entries.items():
        tensor.external_data.add(key=key, value=value)
    return model


def imported(folder: Path, model: ModelProto) -> Any:
    path = folder / "model.onnx"
    path.write_bytes(model.SerializeToString())
    return import_onnx(path)


LOCATIONS = {
    "../secret.bin": "outside the model's folder",
    "sub/../../secret.bin": "outside the model's folder",
    "link": "outside the model's folder",
    "up/secret.bin": "outside the model's folder",
    "/etc/passwd": "outside the model's folder",
    "/dev/zero": "outside the model's folder",
    "": "outside the model's folder",
    "loop": "cannot be read",
    "gone": "there is no such file",
    "no.bin": "there is no such file",
    "~/x": "there is no such file",
    "file:///etc/passwd": "there is no such file",
    "fifo": "is not a plain file",
    ".": "cannot be read|is not a plain file",
    "sub": "cannot be read|is not a plain file",
    "ok.bin/x": "cannot be read",
    "a\0b": "null byte",
    "x" * 300: "too long",
    "x/" * 3000: "cannot be read|no such file",
    "empty.bin": "needs 16 bytes of 'empty.bin', which has 0",
}


@pytest.mark.parametrize("location", LOCATIONS)
@pytest.mark.parametrize("body", [ADD, CONSTANT])
def test_places_that_are_not_in_the_folder(folder: Path, location: str, body: str) -> None:
    with pytest.raises(InvalidModelError, match=LOCATIONS[location]):
        imported(folder, external(body, location=location))


@pytest.mark.parametrize("location", ["ok.bin", "./ok.bin", "sub/../ok.bin", "inner"])
@pytest.mark.parametrize(("offset", "first"), [(None, 0), ("0", 0), ("8", 2), ("4080", 1020)])
def test_places_that_are(folder: Path, location: str, offset: str | None, first: int) -> None:
    entries = {"location": location, "length": "16"} | ({} if offset is None else {"offset": offset})
    (y,) = run_module(imported(folder, external(ADD, **entries)), [np.zeros(4, np.float32)])
    np.testing.assert_array_equal(y, np.arange(first, first + 4))


@pytest.mark.parametrize(
    ("key", "value", "message"),
    [
        *(("offset", text, "expected a number of bytes, 0 or more") for text in
          ("-1", "-4096", "abc", "", "1e3", "0x10", " 4 ", "\uff11", str(2**70), "9" * 500, "1_0")),
        ("offset", "4096", "needs 4112 bytes of 'ok.bin', which has 4096"),
        ("offset", "4084", "needs 4100 bytes of 'ok.bin', which has 4096"),
        ("offset", str(2**63 - 1), "which has 4096"),
        *(("length", text, "expected a number of bytes, 0 or more") for text in ("-1", "x", "")),
        *(("length", text, r"and float32\[4\] takes 16") for text in ("0", "15", "99999999999")),
    ],
)  # fmt: skip
def test_numbers_that_are_wrong(folder: Path, key: str, value: str, message: str) -> None:
    with pytest.raises(InvalidModelError, match=message):
        imported(folder, external(ADD, location="ok.bin", **{key: value}))


@pytest.mark.parametrize("code", [0, 8, 14, 15, 21, 22, 23, 999, -1])
def test_types_that_no_file_holds(folder: Path, code: int) -> None:
    model = external(ADD, location="ok.bin")
    model.graph.initializer[0].data_type = code
    with pytest.raises(TrtcError, match=r"initializer 'w'|does not know|is not supported"):
        imported(folder, model)


@pytest.mark.parametrize("dims", [[-4], [2**62], [2**32, 2**32], [-1, -4], [2**63 - 1, 2], [1] * 40, [4096]])
def test_dims_that_no_file_holds(folder: Path, dims: list[int]) -> None:
    model = external(ADD, location="ok.bin")
    model.graph.initializer[0].dims[:] = dims
    with pytest.raises(TrtcError, match="initializer 'w'"):
        imported(folder, model)


@pytest.mark.parametrize("dims", [[0], [0, 2**62], []])
def test_dims_that_hold_little(folder: Path, dims: list[int]) -> None:
    model = external(ADD, location="ok.bin")
    model.graph.initializer[0].dims[:] = dims
    if 0 not in dims:
        imported(folder, model)
        return
    with pytest.raises(TrtcError):  # nothing broadcasts with x; the data itself is read
        imported(folder, model)


def test_a_model_without_a_folder(folder: Path) -> None:
    with pytest.raises(InvalidModelError, match="the model came without a folder; pass its path"):
        import_onnx(external(ADD, location="ok.bin"))
    with pytest.raises(InvalidModelError, match="the model came without a folder; pass its path"):
        import_onnx(external(ADD, location="ok.bin").SerializeToString())


def test_a_file_is_opened_once(folder: Path) -> None:
    """A process has a limited number of open files, and a model any number of tensors."""
    model = external(ADD, location="ok.bin")
    names = [f"w{i}" for i in range(50)]
    for name in names:
        tensor = model.graph.initializer.add()
        tensor.CopyFrom(model.graph.initializer[0])
        tensor.name = name
    for index, name in enumerate(names):
        node = model.graph.node.add(op_type="Add", input=["y" if not index else f"s{index - 1}", name])
        node.output.append(f"s{index}")
    model.graph.output[0].name = "s49"
    (y,) = run_module(imported(folder, model), [np.zeros(4, np.float32)])
    np.testing.assert_array_equal(y, 51 * np.arange(4))
    assert _opened.count(str(folder / "ok.bin")) == 1
