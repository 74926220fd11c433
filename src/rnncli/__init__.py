"""Shapes, parameter counts, cost and values of recurrent networks, without their frameworks."""

__version__ = "0.1.0"
