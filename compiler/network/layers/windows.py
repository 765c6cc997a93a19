"""Convolutions and pools."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from xdsl.ir import SSAValue

from ....dialects import nn
from ....dialects.blob import digest_of
from ....dialects.errors import InvalidModelError
from ..arguments import checked
from ..graph import Array, Layout
from .data import DataLayers
from .pointwise import PointwiseLayers


class WindowLayers(DataLayers, PointwiseLayers):
    """Layers over windows of an image."""

    @checked
    def add_convolution(
        self,
        x: SSAValue,
        weights: SSAValue | Array,
        bias: SSAValue | Array | None = None,
        *,
        strides: Sequence[int] | None = None,
        pads: Sequence[int] | None = None,
        dilations: Sequence[int] | None = None,
        groups: int = 1,
        layout: Layout = "NCHW",
        weights_name: str = "",
    ) -> SSAValue:
        """A convolution over any number of spatial dims. `x` is N,C,H,W with weights O,C/groups,R,S (`layout="NHWC"`: N,H,W,C and
        O,R,S,C/groups); `pads` are those before each spatial dim, then those after; `bias` has shape [O]."""
        if layout == "NHWC":
            filters = self.operand(weights)
        elif isinstance(weights, SSAValue):
            filters = self._to_channels_last(weights, layout)
        else:
            if weights.ndim != nn.rank_of(x):
                raise InvalidModelError(
                    f"convolution: expected weights of rank {nn.rank_of(x)}, got shape {weights.shape}"
                )
            filters = self._weights_channels_last(weights, weights_name)
        image = self._to_channels_last(x, layout)
        result = self.insert(
            nn.ConvOp(
                image,
                filters,
                strides,
                pads,
                dilations,
                groups,
            )
        )
        if bias is not None:
            result = self.add_binary("add", result, bias)
        return self._from_channels_last(result, layout)

    def _weights_channels_last(self, weights: Array, name: str) -> SSAValue:
        # One copy per weight tensor: convolutions that share weights share the constant.
        key = ("O,R,S,C", digest_of(weights), weights.dtype, weights.shape, name)
        if key not in self._constants:
            self._constants[key] = self.add_constant(np.ascontiguousarray(np.moveaxis(weights, 1, -1)), name)
        return self._constants[key]

    @checked
    def add_max_pool(
        self,
        x: SSAValue,
        kernel: Sequence[int],
        *,
        strides: Sequence[int] | None = None,
        pads: Sequence[int] | None = None,
        dilations: Sequence[int] | None = None,
        layout: Layout = "NCHW",
    ) -> SSAValue:
        """The greatest element of each window; padding is never the greatest."""
        image = self._to_channels_last(x, layout)
        pooled = self.insert(nn.MaxPoolOp(image, kernel, strides, pads, dilations))
        return self._from_channels_last(pooled, layout)

    @checked
    def add_arg_max_pool(
        self,
        x: SSAValue,
        kernel: Sequence[int],
        *,
        strides: Sequence[int] | None = None,
        pads: Sequence[int] | None = None,
        dilations: Sequence[int] | None = None,
        layout: Layout = "NCHW",
    ) -> SSAValue:
        """Where `add_max_pool` finds each maximum: its place in the image, row-major over the spatial dims without padding, as i64."""
        image = self._to_channels_last(x, layout)
        pooled = self.insert(nn.ArgMaxPoolOp(image, kernel, strides, pads, dilations))
        return self._from_channels_last(pooled, layout)

    @checked
    def add_avg_pool(
        self,
        x: SSAValue,
        kernel: Sequence[int],
        *,
        strides: Sequence[int] | None = None,
        pads: Sequence[int] | None = None,
        dilations: Sequence[int] | None = None,
        count_include_pad: bool = False,
        layout: Layout = "NCHW",
    ) -> SSAValue:
        """The mean of each window, over its elements inside the image unless `count_include_pad`."""
        image = self._to_channels_last(x, layout)
        pool = nn.AvgPoolOp(image, kernel, strides, pads, dilations, count_include_pad)
        return self._from_channels_last(self.insert(pool), layout)
