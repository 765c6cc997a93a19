"""Models of one node with an operator of com.microsoft, or of quantized tensors, beside what ONNX Runtime makes of them."""

from __future__ import annotations

from .attention import CASES as ATTENTION
from .fused import CASES as FUSED
from .node import Case
from .others import CASES as OTHERS
from .products import CASES as PRODUCTS
from .quantized import CASES as QUANTIZED
from .recurrent import CASES as RECURRENT

CASES: dict[str, Case] = {**FUSED, **ATTENTION, **QUANTIZED, **PRODUCTS, **RECURRENT, **OTHERS}
