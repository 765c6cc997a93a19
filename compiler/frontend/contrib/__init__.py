"""Operators that exporters and optimizers of other projects emit: those of the domain com.microsoft, by family."""
