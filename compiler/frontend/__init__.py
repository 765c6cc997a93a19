"""The ONNX frontend: `import_onnx(model) -> ModuleOp`, or in two steps `import_graph(load(model))`."""

from .importer import import_graph, import_onnx
from .inputs import DEFAULT_RANGE
from .model import load

__all__ = ["DEFAULT_RANGE", "import_graph", "import_onnx", "load"]
