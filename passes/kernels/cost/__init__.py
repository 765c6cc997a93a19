"""What launches cost: GPUs by their rates (`gpus.py`), microseconds of a `Work` (`price.py`), choices between prices (`decision.py`)."""
