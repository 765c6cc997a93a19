"""Blobs: arrays outside the text of the IR, without copies."""

import hashlib
import os
import subprocess
import sys

import ml_dtypes
import numpy as np
import pytest
from xdsl.context import Context
from xdsl.dialects.builtin import Builtin, ModuleOp
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


def test_the_store_keeps_a_view_not_a_copy() -> None:
    array = np.arange(1000, dtype=np.float32).reshape(10, 100)
    attribute = BlobAttr.from_array("w", array)
    assert np.shares_memory(attribute.array(), array)
    assert attribute.digest.data == hashlib.sha256(array.tobytes()).hexdigest() == blob.digest_of(array)


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
    array = np.full(100, 7.25, np.float32)
    attribute = BlobAttr.from_array("w", array)
    blob.forget(attribute.digest.data)
    with pytest.raises(InvalidModelError, match="blob 'w': expected its bytes"):
        attribute.array()


def test_digests_are_the_same_in_every_process() -> None:
    code = "import numpy as np; from trtc.dialects.blob import digest_of; print(digest_of(np.arange(9, dtype=np.int8)))"
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, env=dict(os.environ))
    assert run.stdout.strip() == blob.digest_of(np.arange(9, dtype=np.int8))
