"""The layer API: builds `nn` by hand; the importer uses the same builder."""

from .layers import Network, Range

__all__ = ["Network", "Range"]
