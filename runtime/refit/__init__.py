"""Other numbers for a finished engine: what of it may change (`table`), what the weights are computed by (`function`), and doing it
(`refitter`)."""
