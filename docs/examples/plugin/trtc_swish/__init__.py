"""An example of a package that adds a dialect and a pass to trtc."""
