"""The versions of operator sets that a model or one of its functions imports."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ...dialects.errors import InvalidModelError, UnsupportedOpError

if TYPE_CHECKING:
    from onnx import FunctionProto, ModelProto

OLDEST_OPSET = 7
"""Before opset 7 broadcasting and several attributes meant something else: onnx converts such models to it."""


def opsets_of(of: ModelProto | FunctionProto, source: str) -> dict[str, int]:
    """The version of each domain. Raises InvalidModelError for what is no version, UnsupportedOpError for what trtc does not read."""
    import onnx.defs

    opsets = {"" if entry.domain == "ai.onnx" else entry.domain: entry.version for entry in of.opset_import}
    for domain, version in opsets.items():
        if not 0 < version < 2**31:
            raise InvalidModelError(
                f"{source} imports opset {version} of {domain or 'ai.onnx'!r}; export the model again"
            )
    newest = onnx.defs.onnx_opset_version()
    version = opsets.get("", newest)
    if not OLDEST_OPSET <= version <= newest:
        raise UnsupportedOpError(
            f"{source} uses opset {version}; trtc reads {OLDEST_OPSET} to {newest} (the newest that the installed onnx "
            "package knows); convert it with onnx.version_converter, or update onnx"
        )
    return opsets


def model_opsets(model: ModelProto, source: str) -> dict[str, int]:
    """The same of a model, with a version of the default domain, which its nodes need."""
    import onnx.defs

    opsets = opsets_of(model, source)
    if "" not in opsets:
        if any(node.domain in ("", "ai.onnx") for node in model.graph.node):
            raise InvalidModelError(f"{source} imports no opset of the default domain; export it with an opset_import")
        opsets[""] = onnx.defs.onnx_opset_version()
    return opsets
