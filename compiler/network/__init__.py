"""The layer API: builds `nn` by hand; the importer uses the same builder."""

from .graph import Range
from .network import Network

__all__ = ["Network", "Range"]
