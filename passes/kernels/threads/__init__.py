"""Helpers of `lower-to-threads`, one module per family of tile ops."""
