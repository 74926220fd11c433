"""What a layer of any framework is made of."""

from rnncli.model import Layer
from rnncli.weights import keras, onnx, torch
from rnncli.weights.cells import cell_pieces
from rnncli.weights.piece import Piece

_MAKERS = {"keras": keras.pieces, "torch": torch.pieces, "onnx": onnx.pieces}


def pieces_of(layer: Layer) -> tuple[Piece, ...]:
    """Return what the layer is made of, () where that is not known or it has no weights."""
    made = _MAKERS.get(layer.dialect)
    if made is None:  # operators of TensorFlow Lite: their layout is not read
        return ()
    return cell_pieces(layer) or tuple(made(layer))
