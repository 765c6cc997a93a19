"""New weights for a finished engine: the initializers that may change (`table`), the function that computes weights from them (`function`),
and the refit itself (`refitter`)."""
