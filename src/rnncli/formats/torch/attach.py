"""The weights of a state dict, given to a stack of PyTorch's modules."""

from rnncli.errors import FileError
from rnncli.graph.state_dicts import matched
from rnncli.model import Model
from rnncli.storage import Stored


def attached(model: Model, file: Model) -> Model:
    """Return the stack with the weights of a file. Raises: FileError, UsageError, ShapeError."""
    if file.store is None or any(layer.dialect != "torch" for layer in file.layers):
        raise FileError("not a file of PyTorch's weights", "expected .pt, .safetensors or .npz")
    stored: dict[str, Stored] = {}
    shapes: dict[str, tuple[int, ...]] = {}
    for layer in file.layers:
        for weight in layer.weights or ():
            if weight.stored is not None:
                name = weight.name if layer.name == "root" else f"{layer.name}.{weight.name}"
                stored[name], shapes[name] = weight.stored, weight.shape
    for buffer in file.buffers:
        if buffer.stored is not None:
            name = buffer.stored.tensors[0]
            stored[name], shapes[name] = buffer.stored, buffer.shape
    names = matched(model.layers, shapes)
    layers = tuple(
        layer._replace(weights=tuple(
            weight._replace(stored=stored[names[f"{layer.name}/{weight.path}"]])
            for weight in layer.weights
        ))
        if layer.weights else layer
        for layer in model.layers
    )  # fmt: skip
    return model._replace(layers=layers, store=file.store)
