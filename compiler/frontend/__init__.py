"""The ONNX frontend: `import_onnx(model) -> ModuleOp`."""

from .importer import import_onnx
from .inputs import DEFAULT_RANGE

__all__ = ["DEFAULT_RANGE", "import_onnx"]
