"""A model run on arrays, in NumPy alone."""

from rnncli.forward.request import Output, Request, Result
from rnncli.forward.run import forward

__all__ = ["Output", "Request", "Result", "forward"]
