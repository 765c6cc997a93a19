"""Blobs: arrays outside the text of the IR, without copies."""

import gc
import hashlib
import os
import subprocess
import sys
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

import ml_dtypes
import numpy as np
import pytest
from xdsl.context import Context
from xdsl.dialects.builtin import Builtin, ModuleOp, StringAttr, TensorType, f32
from xdsl.parser import Parser

from trtc.dialects import blob, nn
from trtc.dialects.blob import BlobAttr
from trtc.dialects.errors import InvalidModelError

DTYPES = [np.float32, np.float16, ml_dtypes.bfloat16, np.float64, np.int8, np.int64, np.bool_, ml_dtypes.float8_e4m3fn]


def context() -> Context:
    ctx = Context()
    ctx.load_dialect(Builtin)
    ctx.load_dialect(nn.NN)
    return ctx


def reparse(module: ModuleOp) -> ModuleOp:
    return Parser(context(), str(module)).parse_module()


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("shape", [(), (3,), (2, 3), (5, 7), (0, 4)])
def test_constants_round_trip_through_text(dtype, shape) -> None:
    array = np.asarray(np.random.default_rng(0).standard_normal(shape) * 3).astype(dtype)
    op = nn.ConstantOp(array, "w")
    assert isinstance(op.value, BlobAttr) == (array.size > nn.DENSE_LIMIT)
    module = ModuleOp([op])
    module.verify()
    (again,) = reparse(module).body.block.ops
    assert again.result.type == op.result.type
    got = again.array()
    assert got.dtype == array.dtype and got.shape == array.shape and got.tobytes() == array.tobytes()
    assert not got.flags.writeable


def test_bytes_that_cannot_change_are_not_copied() -> None:
    array = np.frombuffer(np.arange(1000, dtype=np.float32).tobytes(), np.float32).reshape(10, 100)
    attribute = BlobAttr.from_array("w", array)
    assert np.shares_memory(attribute.array(), array)
    assert attribute.digest.data == hashlib.sha256(array.tobytes()).hexdigest() == blob.digest_of(array)


def _mapped(array: np.ndarray, path: Path) -> np.ndarray:
    array.tofile(path)
    return np.memmap(path, array.dtype, "r+", shape=array.shape)


@pytest.mark.parametrize(
    "given",
    [
        lambda a, _: a,
        lambda a, _: a[:],
        lambda a, _: np.broadcast_to(a, a.shape),
        lambda a, _: np.frombuffer(bytearray(a.tobytes()), a.dtype),
        lambda a, _: np.asarray(memoryview(a).toreadonly()),
        _mapped,
    ],
    ids=["array", "view", "broadcast", "bytearray", "memoryview", "memmap"],
)
@pytest.mark.parametrize("read_only", [False, True])
def test_who_gave_an_array_may_use_it_again(given: Callable[..., Any], read_only: bool, tmp_path: Path) -> None:
    """Read only or not: the owner can change that, or write through another view."""
    original = np.arange(100, dtype=np.float32)
    owner = original.copy()
    array = given(owner, tmp_path / "w")
    if read_only:
        array.flags.writeable = False
    attribute = BlobAttr.from_array("w", array)
    for target in (owner, array, array.base if isinstance(array.base, np.ndarray) else array):
        with suppress(ValueError):
            target.flags.writeable = True
        if target.flags.writeable:
            target[...] = 7
    np.testing.assert_array_equal(attribute.array(), original)
    np.testing.assert_array_equal(BlobAttr.from_array("again", original.copy()).array(), original)


def test_what_an_attribute_gives_cannot_be_made_writable() -> None:
    array = BlobAttr.from_array("w", np.arange(100)).array()
    with pytest.raises(ValueError, match="WRITEABLE"):
        array.flags.writeable = True


def test_bytes_are_freed_with_the_last_attribute_that_holds_them() -> None:
    gc.collect()  # what earlier tests left
    before = len(blob._STORE)
    module = ModuleOp([nn.ConstantOp(np.full(100, 3.25, np.float32), "w")])
    clone, again = module.clone(), reparse(module)
    digest = blob.digest_of(np.full(100, 3.25, np.float32))
    for held in (module, clone, again):
        assert blob.stored(digest) is not None
        held.erase()
    del module, clone, again, held
    gc.collect()
    assert blob.stored(digest) is None and len(blob._STORE) == before


def test_a_view_that_is_not_contiguous_is_stored_in_row_major_order() -> None:
    array = np.arange(60, dtype=np.float32).reshape(6, 10).T
    assert np.array_equal(BlobAttr.from_array("w", array).array(), array)


def test_equality_is_name_digest_and_type() -> None:
    array = np.arange(100, dtype=np.float32)
    assert BlobAttr.from_array("a", array) == BlobAttr.from_array("a", array.copy())
    assert BlobAttr.from_array("a", array) != BlobAttr.from_array("b", array)
    assert BlobAttr.from_array("a", array) != BlobAttr.from_array("a", array.reshape(10, 10))
    assert BlobAttr.from_array("a", array) != BlobAttr.from_array("a", array + 1)


def test_printing_a_large_blob_prints_no_data() -> None:
    text = str(nn.ConstantOp(np.zeros((1000, 1000), np.float32), "big"))
    assert len(text) < 200 and '#nn.blob<"big", "' in text


def test_bytes_that_this_process_never_saw_are_an_error() -> None:
    attribute = BlobAttr.from_array("w", np.full(100, 7.25, np.float32))
    attribute = BlobAttr(attribute.label, StringAttr("0" * 64), attribute.type)
    with pytest.raises(InvalidModelError, match="blob 'w': expected its bytes"):
        attribute.array()


@pytest.mark.parametrize("extent", [99, 101])
def test_bytes_of_another_type_are_an_error(extent: int) -> None:
    held = BlobAttr.from_array("w", np.full(100, 3.5, np.float32))
    other = BlobAttr(held.label, held.digest, TensorType(f32, [extent]))
    with pytest.raises(InvalidModelError, match=f"blob 'w': expected {4 * extent} bytes for .*, got 400"):
        other.array()


def test_digests_are_the_same_in_every_process() -> None:
    code = "import numpy as np; from trtc.dialects.blob import digest_of; print(digest_of(np.arange(9, dtype=np.int8)))"
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, env=dict(os.environ))
    assert run.stdout.strip() == blob.digest_of(np.arange(9, dtype=np.int8))
