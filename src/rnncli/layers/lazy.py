"""Modules and functions that are loaded when they are first used: describing a layer needs none."""

from collections.abc import Callable
from importlib import import_module
from typing import Any


class Lazy:
    """A module in place of itself until something of it is asked for."""

    def __init__(self, name: str) -> None:
        self._name = name

    def __getattr__(self, name: str) -> Any:
        value = getattr(import_module(self._name), name)
        setattr(self, name, value)
        return value


def lazy(name: str) -> Any:
    """Return a stand-in for the module called `name`."""
    return Lazy(name)


def function_of(module: str, name: str) -> Callable[..., Any]:
    """Return a function that calls `name` of `module`, loaded at the first call."""
    return lambda *args, **rest: getattr(import_module(f"rnncli.{module}"), name)(*args, **rest)
