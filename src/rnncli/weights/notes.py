"""What is to know of converted weights, beside the weights."""

from collections.abc import Iterator, Sequence
from typing import NamedTuple

from rnncli.model import Layer
from rnncli.weights import attention
from rnncli.weights.piece import Piece
from rnncli.weights.targets import Made


class Group(NamedTuple):
    """A layer to convert: its name, what it is made of, and the tensors it becomes."""

    name: str
    layer: Layer
    pieces: tuple[Piece, ...]
    made: tuple[Made, ...]


def notes(found: Sequence[Group], to: str) -> Iterator[str]:
    """Yield what else is to know of the tensors, a sentence for each."""
    summed = [group.name for group in found if any(piece.summed for piece in group.pieces)]
    if summed and to == "keras":
        yield f"{', '.join(summed)}: two biases are stored as their sum."
    older = [group.name for group in found for piece in group.pieces
             if "hard_sigmoid_keras2" in piece.settings.values()]  # fmt: skip
    if older:
        yield (f"{', '.join(dict.fromkeys(older))}: hard_sigmoid is that of Keras 1 and 2, "
               "clip(0.2 x + 0.5, 0, 1); Keras 3 computes relu6(x + 3) / 6 under this "
               "name.")  # fmt: skip
    split = [each.group for group in found for each in group.made
             if not each.parts and each.inside.startswith("bias_hh")]  # fmt: skip
    if split:
        names = ", ".join(dict.fromkeys(split))
        yield f"{names}: the bias goes to bias_ih, and bias_hh is 0; PyTorch adds them."
    for group in found:
        needed = list(_needed(group.pieces[0])) if to == "torch" else []
        if needed:
            what = "which is no weight" if len(needed) == 1 else "which are no weights"
            yield f"{group.name}: give the module {', '.join(needed)}, {what}."
        kind = group.pieces[0].kind
        if to != "keras" and kind.startswith("Separable"):
            whole = "an nn.Sequential of two convolutions" if to == "torch" else "two nodes Conv"
            yield (f"{group.name}: it becomes {whole}, the first of which has a group for each of "
                   f"{group.pieces[0].parts['depthwise_kernel'].shape[-2]} channels.")  # fmt: skip
        if to == "keras" and kind == "PReLU" and group.layer.dialect != "keras":
            yield f"{group.name}: its slopes go along the last axis; shared_axes lists the others."


def _needed(piece: Piece) -> Iterator[str]:
    """Yield the arguments that PyTorch's module needs beside its weights."""
    settings = piece.settings
    if piece.kind == attention.KIND and piece.layer.dialect == "keras":
        yield f"num_heads={piece.parts['query/kernel'].shape[1]}"
        yield "batch_first=True"
    if piece.kind.startswith("Depthwise"):
        yield f"groups={piece.parts['kernel'].shape[-2]}"
    if piece.kind == "GroupNormalization" and "groups" in settings:
        channels = next(iter(piece.parts.values())).shape[-1]
        yield f"num_groups={channels if settings['groups'] == -1 else settings['groups']}"
    if piece.kind.endswith("Normalization") and settings.get("epsilon") is not None:
        yield f"eps={settings['epsilon']:g}"
