"""The ONNX frontend: `import_onnx(model) -> ModuleOp`."""

from .importer import DEFAULT_RANGE, import_onnx

__all__ = ["DEFAULT_RANGE", "import_onnx"]
