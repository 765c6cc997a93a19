"""Helpers of the passes of phase `threads`, one module per family of tile ops."""
