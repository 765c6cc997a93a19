"""How `qdq_convnet.onnx` was made: `ppocr_cls` quantized by ONNX Runtime 1.32.0. Golden digests hold for what it wrote then.

Run it only to quantize in another way; tests and golden digests follow what it writes. The model is PaddleOCR's, under the Apache
License 2.0.
"""

from __future__ import annotations

import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import onnx
import onnxruntime
from onnx import ModelProto, version_converter
from onnxruntime.quantization import CalibrationDataReader, QuantFormat, QuantType, quantize_static

sys.path.insert(0, str(Path(__file__).parent))
from zoo import Inputs, ppocr_cls


def main() -> None:
    base = ppocr_cls()

    class Reader(CalibrationDataReader):
        def __init__(self) -> None:
            self.samples: Iterator[Inputs] = iter([base.inputs(100 + i) for i in range(4)])

        def get_next(self) -> Inputs | None:
            return next(self.samples, None)

    with tempfile.TemporaryDirectory() as folder:
        simplified, quantized = Path(folder) / "simplified.onnx", Path(folder) / "quantized.onnx"
        _simplified(base.proto, simplified)
        quantize_static(
            str(simplified), str(quantized), Reader(), quant_format=QuantFormat.QDQ, per_channel=True,
            op_types_to_quantize=["Conv", "MatMul"], activation_type=QuantType.QInt8, weight_type=QuantType.QInt8,
            extra_options={"ActivationSymmetric": True, "WeightSymmetric": True},
        )  # fmt: skip
        onnx.save(onnx.load(str(quantized)), str(Path(__file__).parent / "qdq_convnet.onnx"))


def _simplified(model: ModelProto, path: Path) -> None:
    """Opset 17 (per-channel Q/DQ needs 13), constants as initializers, batch norms folded by ONNX Runtime."""
    options = onnxruntime.SessionOptions()
    options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_ENABLE_BASIC
    options.optimized_model_filepath = str(path)
    options.log_severity_level = 3
    converted = version_converter.convert_version(model, 17).SerializeToString()
    onnxruntime.InferenceSession(converted, options, providers=["CPUExecutionProvider"])


if __name__ == "__main__":
    main()
