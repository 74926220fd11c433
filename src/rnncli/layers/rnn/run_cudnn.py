"""CuDNN's layers as the ones that they are the fast form of: LSTM, or GRU with `reset_after`."""

import numpy as np

from rnncli.layers.op import Array, OpContext
from rnncli.layers.rnn.keras import directions
from rnncli.model import Config

_PREFIX = "CuDNN"
_ACTIVATIONS = {"activation": "tanh", "recurrent_activation": "sigmoid"}


def without_cudnn(setup: OpContext) -> OpContext:
    """Return the setup of the same layer without CuDNN; any other as it is."""
    if setup.kind.startswith(_PREFIX):
        return _plain(setup)
    if setup.kind != "Bidirectional":
        return setup
    nodes = {key: setup.config.get(key) for key in ("layer", "backward_layer")}
    if not any(node and node["class_name"].startswith(_PREFIX) for node in nodes.values()):
        return setup
    config = {**setup.config, **{key: node and _node(node) for key, node in nodes.items()}}
    weights: dict[str, Array] = {}
    for (name, kind, inner), (new, *_) in zip(
        directions(setup.config), directions(config), strict=True
    ):
        plain = without_cudnn(setup.inside(name, kind, inner))
        weights |= {f"{new}/{path}": array for path, array in plain.weights.items()}
    return setup._replace(config=config, weights=weights)


def _node(node: Config) -> Config:
    kind = node["class_name"]
    if not kind.startswith(_PREFIX):
        return node
    config = {**node["config"], **_ACTIVATIONS}
    return {**node, "class_name": kind.removeprefix(_PREFIX), "config": config}


def _plain(setup: OpContext) -> OpContext:
    """Return the setup of one layer.

    CuDNN reads the values of each gate's kernel as `(units, inputs)`, whatever shape they stand in.
    """
    kind, units = setup.kind.removeprefix(_PREFIX), setup.config["units"]
    rows = setup.weights["bias"].reshape(2, -1)

    def turned(weights: Array) -> Array:
        gates = np.split(weights, weights.shape[1] // units, axis=1)
        return np.concatenate([gate.reshape(units, -1).T for gate in gates], axis=1)

    cell = f"{kind.lower()}_cell"
    weights = {
        f"{cell}/kernel": turned(setup.weights["kernel"]),
        f"{cell}/recurrent_kernel": turned(setup.weights["recurrent_kernel"]),
        f"{cell}/bias": rows if kind == "GRU" else rows.sum(axis=0),
    }
    return setup._replace(kind=kind, weights=weights, config={**setup.config, **_ACTIVATIONS})
