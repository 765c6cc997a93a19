"""Host programs: the control flow that every level above launches shares (`control.py`), and how it is read off a host function
(`structure.py`)."""
