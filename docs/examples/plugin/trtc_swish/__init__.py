"""An example of a package that adds a dialect, a pass and a schedule to trtc."""
