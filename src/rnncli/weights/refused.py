"""What has no counterpart in another framework, and why."""

from collections.abc import Iterator, Sequence

from rnncli.cells import GRU
from rnncli.errors import UnsupportedError
from rnncli.weights import attention
from rnncli.weights.forms import FORMS
from rnncli.weights.piece import Part, Piece
from rnncli.weights.targets import two_ways

NAMES = {"keras": "Keras", "torch": "PyTorch", "onnx": "ONNX"}
_ONNX_ACTIVATIONS = ("tanh", "sigmoid", "relu", "softsign", "softplus")
_KNOWN = {
    attention.MODULE: "the file does not say its number of heads, by which Keras shapes kernels; "
    "a module saved whole says it",
    "GroupedQueryAttention": "PyTorch's attention has as many heads of keys as of queries",
}


def check(name: str, type_: str, pieces: Sequence[Piece], to: str) -> None:
    """Check that a layer has a counterpart. Raises: UnsupportedError that names it and says why."""
    reason = next(_reasons(pieces, to), None) if pieces else "it is of no kind that is converted"
    if reason is not None:
        raise UnsupportedError(
            f"layer {name!r} ({type_}) cannot be converted to {NAMES[to]}: {reason}",
            "--layer-name NAME converts one layer alone",
        )


def _reasons(pieces: Sequence[Piece], to: str) -> Iterator[str]:
    for piece in pieces:
        if piece.kind == attention.KIND:
            yield from attention.reasons(piece, to) if to != piece.layer.dialect else ()
        else:
            yield from _cell(piece, to) if piece.cell is not None else _form(piece, to)
    if len(pieces) > 1:
        yield from _together(pieces, to)


def _form(piece: Piece, to: str) -> Iterator[str]:
    settings = piece.settings
    form = FORMS.get(piece.kind)
    missing = [part for part in form.needed if part not in piece.parts] if form else []
    more = [part for part in piece.parts if part not in form.names] if form else []
    if form is None:
        yield _KNOWN.get(piece.kind, "it is of no kind that is converted")
    elif missing and {to, piece.layer.dialect} != {"keras"}:
        yield f"it lacks {', '.join(missing)}"
    elif more:
        yield f"its {', '.join(more)} has no counterpart"
    if piece.kind == "PReLU" and to != piece.layer.dialect and _across(piece.parts["alpha"]):
        yield f"its slopes differ along other axes than the last, {NAMES[to]}'s by channel"
    if settings.get("rms_scaling"):
        yield "rms_scaling is a rule of its own"
    attributes = settings.get("attributes") or {}
    if any(attributes.get(key, 1.0) != 1.0 for key in ("alpha", "beta")) and piece.kind == "Dense":
        yield "it is scaled by alpha or beta"


def _across(slopes: Part) -> bool:
    return any(size != 1 for size in slopes.shape[:-1])


def _cell(piece: Piece, to: str) -> Iterator[str]:
    settings, cell = piece.settings, piece.cell
    gate, own = settings.get("recurrent_activation", "sigmoid"), settings.get("activation", "tanh")
    if settings.get("special"):
        yield f"it has {settings['special']}"
    if "projection" in piece.parts and to != "torch":
        yield f"its outputs are projected (proj_size), which {NAMES[to]}'s layer does not do"
    if to == "torch":
        if cell is not None and cell.name == "GRU" and cell is not GRU:
            yield "reset_after=False, where nn.GRU resets after the product"
        known = ("tanh", "relu") if piece.kind == "SimpleRNN" else ("tanh",)
        if own not in known:
            yield f"its activation is {own}, and PyTorch's is {' or '.join(known)}"
        if gate != "sigmoid":
            yield f"its recurrent_activation is {gate}, and PyTorch's is sigmoid"
        if settings["go_backwards"] != piece.reverse:
            yield "go_backwards: PyTorch reads from the end in a bidirectional module alone"
        if settings.get("merge_mode", "concat") != "concat":
            yield f"merge_mode={settings['merge_mode']!r}, and PyTorch concatenates"
    elif to == "onnx" and not {own, gate} <= set(_ONNX_ACTIVATIONS):
        yield f"its activations are {own} and {gate}, of which ONNX lacks one"
    elif not {own, gate} <= set(_ONNX_ACTIVATIONS) and piece.layer.dialect == "onnx":
        yield f"its activations are {own} and {gate}, of which Keras lacks one"


def _together(pieces: Sequence[Piece], to: str) -> Iterator[str]:
    """Yield why the cells of one layer cannot be those of one module or node."""
    kinds = {piece.kind for piece in pieces}
    units = {piece.settings["units"] for piece in pieces}
    ways = two_ways(pieces)
    if to == "keras" or (to == "onnx" and not ways):
        return
    where = "in both directions" if ways else "in all stacked layers"
    if len(kinds) > 1:
        yield f"its cells differ ({', '.join(sorted(kinds))}), and {NAMES[to]}'s are one {where}"
    if len(units) > 1:
        sizes = ", ".join(map(str, sorted(units)))
        yield f"units differ ({sizes}), and {NAMES[to]}'s are one {where}"
    if len({"bias" in piece.parts for piece in pieces}) > 1:
        yield f"unequal biases: one cell has a bias, another has none; {NAMES[to]} has one rule"
    if len({piece.settings.get("activation") for piece in pieces}) > 1:
        yield f"activations differ, and {NAMES[to]}'s are one {where}"
