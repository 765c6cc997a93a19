"""Weights outside the text of the IR: `#nn.blob<"conv1.weight", "<sha256 hex>", tensor<64x7x7x3xf32>>`.

The attribute holds name, digest and type; the array lives in a process-wide store keyed by the digest of its bytes, so that
hashing, comparing, printing and parsing a module never touch weight data. Arrays are kept as read-only views: nothing is
copied unless the given array is not contiguous.
"""

from __future__ import annotations

import hashlib
from typing import cast

import numpy as np
from xdsl.dialects.builtin import AnyTensorType, StringAttr, TensorType
from xdsl.ir import Attribute, ParametrizedAttribute
from xdsl.irdl import irdl_attr_definition, param_def
from xdsl.parser import AttrParser
from xdsl.printer import Printer
from xdsl.utils.exceptions import VerifyException

from .dtypes import element_type_of, numpy_dtype
from .errors import InvalidModelError

_STORE: dict[str, np.ndarray] = {}
"""Flat byte arrays by SHA-256; one entry serves every attribute with the same bytes, whatever their shape and type."""


def digest_of(array: np.ndarray) -> str:
    """The SHA-256, in hex, of the array's bytes in row-major order."""
    return hashlib.sha256(_bytes_of(array).data).hexdigest()


def store(array: np.ndarray) -> str:
    """Keep the array's bytes under their digest, without copying a contiguous array, and return the digest."""
    data = _bytes_of(array)
    digest = hashlib.sha256(data.data).hexdigest()
    if digest not in _STORE:
        view = data.view()
        view.flags.writeable = False
        _STORE[digest] = view
    return digest


def stored(digest: str) -> np.ndarray | None:
    """The bytes kept under a digest (uint8, read-only), or None."""
    return _STORE.get(digest)


def forget(digest: str) -> None:
    """Drop the bytes of a digest, to free memory once no module refers to them."""
    _STORE.pop(digest, None)


def _bytes_of(array: np.ndarray) -> np.ndarray:
    return np.ascontiguousarray(array).reshape(-1).view(np.uint8)


@irdl_attr_definition
class BlobAttr(ParametrizedAttribute):
    """A named array outside the IR; equal when name, digest and type are equal."""

    name = "nn.blob"

    label: StringAttr = param_def()
    digest: StringAttr = param_def()
    type: Attribute = param_def()

    @staticmethod
    def from_array(label: str, array: np.ndarray) -> BlobAttr:
        """Put the array into the store and return the attribute for it."""
        tensor = TensorType(element_type_of(array.dtype), array.shape)
        return BlobAttr(StringAttr(label), StringAttr(store(array)), tensor)

    @property
    def tensor(self) -> AnyTensorType:
        """The (static) tensor type."""
        return cast(AnyTensorType, self.type)

    def array(self) -> np.ndarray:
        """The array, read-only. Raises InvalidModelError if this process has never seen its bytes."""
        data = stored(self.digest.data)
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
