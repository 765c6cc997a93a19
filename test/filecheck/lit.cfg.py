"""lit configuration: `make filecheck`, or `lit test/filecheck/graph` for one folder. Needs no GPU."""

# pyright: reportUndefinedVariable=false
import os
import sys
from pathlib import Path

import lit.formats

config.name = "trtc"  # noqa: F821
config.test_format = lit.formats.ShTest(execute_external=False)  # noqa: F821
config.suffixes = [".mlir"]  # noqa: F821
config.test_source_root = str(Path(__file__).parent)  # noqa: F821
config.test_exec_root = str(Path(__file__).parents[2] / "build" / "lit")  # noqa: F821

# lit passes on neither PYTHONPATH nor CUDA's variables; the tools of this environment come first.
for name in ("PYTHONPATH", "CUDA_PATH", "CUDA_HOME", "LD_LIBRARY_PATH", "HOME", "ONNX_HOME"):
    if name in os.environ:
        config.environment[name] = os.environ[name]  # noqa: F821
tools = str(Path(sys.executable).parent)
config.environment["PATH"] = os.pathsep.join([tools, os.environ.get("PATH", "")])  # noqa: F821
