"""A model run on arrays, in NumPy alone."""

from rnncli.forward.run import Output, Request, Result, forward

__all__ = ["Output", "Request", "Result", "forward"]
