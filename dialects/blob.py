"""Weights outside the text of the IR: `#nn.blob<"conv1.weight", "<sha256 hex>", tensor<64x7x7x3xf32>>`.

The attribute prints name, digest and type, so hashing, comparing, printing and parsing a module never touch weight data. It holds the
bytes itself; parsing looks them up by digest among those that attributes of this process hold. Bytes that other code could write to
later are copied: only those of a `bytes` object are shared.
"""

from __future__ import annotations

import hashlib
from typing import Any, cast
from weakref import WeakValueDictionary, finalize

import numpy as np
from xdsl.dialects.builtin import AnyTensorType, StringAttr, TensorType
from xdsl.ir import Attribute, ParametrizedAttribute
from xdsl.irdl import irdl_attr_definition, param_def
from xdsl.parser import AttrParser
from xdsl.printer import Printer
from xdsl.utils.exceptions import VerifyException

from .dtypes import element_type_of, numpy_dtype
from .errors import InvalidModelError

_STORE: WeakValueDictionary[str, np.ndarray] = WeakValueDictionary()
"""Flat byte arrays by SHA-256; one entry serves every attribute with the same bytes, whatever their shape and type."""


_LARGE = 1 << 20
"""Bytes from which on it pays to remember a digest."""
_DIGESTS: dict[tuple[int, int], str] = {}
"""The digests of large arrays in `_STORE` by address and size: their bytes lie there unchanged as long as they are stored."""


def digest_of(array: np.ndarray) -> str:
    """The SHA-256, in hex, of the array's bytes in row-major order; computed once of bytes that are stored."""
    data = _bytes_of(array)
    return _DIGESTS.get(_place(data)) or hashlib.sha256(data.data).hexdigest()


def known_digest(data: bytes | memoryview) -> str | None:
    """The SHA-256, in hex, of bytes that are stored, if it need not be computed."""
    return _DIGESTS.get(_place(np.frombuffer(data, np.uint8))) if len(data) >= _LARGE else None


def _place(data: np.ndarray) -> tuple[int, int]:
    return data.ctypes.data, data.nbytes


def store(array: np.ndarray) -> tuple[str, np.ndarray]:
    """The digest of the array's bytes, and these bytes as an immutable array (uint8). `stored` finds them as long as that array is
    referenced."""
    data = _frozen(array)
    digest = digest_of(data)
    held = _STORE.setdefault(digest, data)
    if held is data and data.nbytes >= _LARGE:
        _DIGESTS[_place(data)] = digest
        finalize(data, _DIGESTS.pop, _place(data), None).atexit = False
    return digest, held


def stored(digest: str) -> np.ndarray | None:
    """The bytes kept under a digest (uint8, read-only), or None."""
    return _STORE.get(digest)


def _bytes_of(array: np.ndarray) -> np.ndarray:
    return np.ascontiguousarray(array).reshape(-1).view(np.uint8)


def _frozen(array: np.ndarray) -> np.ndarray:
    """The array's bytes, copied unless they are those of a `bytes` object: a read-only array can be made writable by its owner,
    and a mapped file changes when the file does."""
    if not array.flags.c_contiguous:
        return np.frombuffer(array.tobytes(), np.uint8)  # one copy, which no other follows
    data = _bytes_of(array)
    owner: Any = data
    while isinstance(owner, np.ndarray | memoryview):
        owner = owner.base if isinstance(owner, np.ndarray) else owner.obj
    return data if isinstance(owner, bytes) else np.frombuffer(data.tobytes(), np.uint8)


@irdl_attr_definition
class BlobAttr(ParametrizedAttribute):
    """A named array outside the IR; equal when name, digest and type are equal."""

    name = "nn.blob"

    label: StringAttr = param_def()
    digest: StringAttr = param_def()
    type: Attribute = param_def()

    @staticmethod
    def from_array(label: str, array: np.ndarray) -> BlobAttr:
        """The attribute that holds the array's bytes, as they are now."""
        tensor = TensorType(element_type_of(array.dtype), array.shape)
        digest, _held = store(array)
        return BlobAttr(StringAttr(label), StringAttr(digest), tensor)

    def __post_init__(self) -> None:
        super().__post_init__()
        vars(self)["raw"] = stored(self.digest.data)  # no parameter: it is neither compared nor printed

    @property
    def tensor(self) -> AnyTensorType:
        """The (static) tensor type."""
        return cast(AnyTensorType, self.type)

    @property
    def raw(self) -> np.ndarray | None:
        """The bytes (uint8, read-only), or None where this process did not hold them when the attribute was made."""
        return vars(self)["raw"]

    def array(self) -> np.ndarray:
        """The array, read-only. Raises InvalidModelError if this process does not have its bytes."""
        data = self.raw
        if data is None:
            raise InvalidModelError(
                f"blob {self.label.data!r}: expected its bytes (SHA-256 {self.digest.data[:12]}...) in this process, got none; "
                "load the model that the text came from, or give trtc-opt --blobs what --save-blobs or --dump-dir wrote"
            )
        dtype, shape = numpy_dtype(self.tensor.element_type), self.tensor.get_shape()
        expected = dtype.itemsize * int(np.prod(shape, dtype=np.int64))
        if data.nbytes != expected:
            raise InvalidModelError(
                f"blob {self.label.data!r}: expected {expected} bytes for {self.type}, got {data.nbytes}"
            )
        return data.view(dtype).reshape(shape)

    def verify(self) -> None:
        if not isinstance(self.type, TensorType) or not self.tensor.has_static_shape():
            raise VerifyException(f"blob {self.label.data!r}: expected a tensor type with static dims, got {self.type}")
        digest = self.digest.data
        if len(digest) != 64 or not set(digest) <= set("0123456789abcdef"):
            raise VerifyException(
                f"blob {self.label.data!r}: expected a SHA-256 of 64 lower-case hex digits, got {digest!r}"
            )

    def print_parameters(self, printer: Printer) -> None:
        with printer.in_angle_brackets():
            printer.print_list((self.label, self.digest, self.type), printer.print_attribute)

    @classmethod
    def parse_parameters(cls, parser: AttrParser) -> list[Attribute]:
        with parser.in_angle_brackets():
            label = parser.parse_str_literal()
            parser.parse_punctuation(",")
            digest = parser.parse_str_literal()
            parser.parse_punctuation(",")
            return [StringAttr(label), StringAttr(digest), parser.parse_type()]
