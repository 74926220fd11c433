"""Layers that look values up in a vocabulary.

Source: `keras/src/layers/preprocessing/index_lookup.py`.
"""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from rnncli.errors import ShapeError, UnsupportedError
from rnncli.layers.layer_type import LayerType, signature
from rnncli.layers.lazy import lazy
from rnncli.layers.op import Array, Op, OpContext, Value, unsupported
from rnncli.layers.preprocessing import encoded_shape, mode_of
from rnncli.model import Config
from rnncli.shapes import Dim, Shapes

if TYPE_CHECKING:
    import numpy as np

    from rnncli.kernels import categories
else:
    np, categories = lazy("numpy"), lazy("rnncli.kernels.categories")

_TEXT = "its input is text"
_NOWHERE = (1 << 63) - 1  # a place that no vector has


def _known_size(config: Config) -> Dim:
    """Return the size of a vocabulary, with the places of its mask and of unknown tokens."""
    if config["pad_to_max_tokens"]:
        size: Dim = config["max_tokens"]
        return size
    tokens = config["vocabulary"]
    return config.get("vocabulary_size") if tokens is None else sum(_places(config))


def _places(config: Config) -> tuple[int, int, int]:
    """Return how many places the mask, unknown tokens and known ones take."""
    masks = int(config["mask_token"] is not None and mode_of(config) == "int")
    unknown = config["num_oov_indices"]
    special = [config["mask_token"]] * masks + [config["oov_token"]] * unknown
    tokens = list(config["vocabulary"] or ())
    if isinstance(config["vocabulary"], str):
        raise UnsupportedError("the vocabulary is in a file of its own")
    has_special = tokens[: len(special)] == special
    return masks, unknown, len(tokens) - (len(special) if has_special else 0)


def _lookup_outputs(config: Config, inputs: Shapes) -> Shapes:
    return (encoded_shape(mode_of(config), inputs[0], _known_size(config)),)


def _text_outputs(config: Config, inputs: Shapes) -> Shapes:
    shape, mode = inputs[0], mode_of(config)
    if mode == "int":
        return ((shape[0], config["output_sequence_length"]),)
    if config["split"] is not None:
        shape = (*shape, None)
    elif len(shape) < 2:
        shape = (*shape, 1)
    special = {"num_oov_indices": 1, "mask_token": "", "oov_token": "[UNK]"}
    return (encoded_shape(mode, shape, _known_size({**config, **special})),)


class Lookup(Op):
    """The place of each number in a vocabulary, those of unknown ones after that of the mask.

    `start` is the place of the first known number.
    """

    def __init__(self, setup: OpContext) -> None:
        config = setup.config
        if config["vocabulary"] is None:
            raise unsupported(setup.name, setup.kind, "its vocabulary is not in its config")
        self.setup, self.config, self.mode = setup, config, mode_of(config)
        masks, unknown, known = _places(config)
        self.start, self.size = masks + unknown, _known_size(config) or 0
        self.tokens = np.asarray(config["vocabulary"], np.int64)[-known:]

    def __call__(self, inputs: Sequence[Value], options: Mapping[str, Any]) -> tuple[Value, ...]:
        """Return places, vectors of them, or numbers at places."""
        numbers = inputs[0].array.astype(np.int64)
        if self.config["invert"]:
            return (Value(self._back(numbers)),)
        places = self._places(numbers)
        if self.mode == "tf_idf":
            counts = categories.encoded(places, "count", self.size, self.setup.dtype)
            return (Value(counts * self._idf()),)
        return (Value(categories.encoded(places, self.mode, self.size, np.int64)),)

    def _places(self, numbers: Array) -> Any:
        order = np.argsort(self.tokens)
        at = np.searchsorted(self.tokens, numbers, sorter=order).clip(max=len(order) - 1)
        found = self.tokens[order[at]] == numbers
        places = np.where(found, order[at] + self.start, self._unknown(numbers))
        mask = self.config["mask_token"]
        if mask is not None:
            places = np.where(numbers == mask, 0 if self.mode == "int" else _NOWHERE, places)
            found |= numbers == mask
        if not self.config["num_oov_indices"] and not found.all():
            raise ShapeError(f"layer {self.setup.name!r} does not know "
                             f"{numbers[~found].flat[0]:,}")  # fmt: skip
        return places

    def _unknown(self, numbers: Array) -> Any:
        """Return the places of numbers that are not in the vocabulary."""
        many = self.config["num_oov_indices"]
        first = self.start - many
        if many < 2:
            return first
        if self.config["oov_method"] == "farmhash":
            salt = self.config["salt"]
            key = (salt, salt) if isinstance(salt, int) else salt
            return categories.hashed(numbers, many, key) + first
        return numbers % many + first

    def _back(self, places: Array) -> Any:
        """Return the numbers at places; unknown ones are the token for that."""
        held = places - self.start
        known = (held >= 0) & (held < len(self.tokens))
        numbers = np.where(known, self.tokens[held.clip(0, len(self.tokens) - 1)],
                           self.config["oov_token"])  # fmt: skip
        mask = self.config["mask_token"]
        return numbers if mask is None else np.where(places == 0, mask, numbers)

    def _idf(self) -> Array:
        """Return the weight of each place; that of unknown numbers is the mean of the others."""
        given = np.asarray(self.config["idf_weights"], self.setup.dtype)
        front = self.start if len(given) == len(self.tokens) else 0
        weights = np.concatenate([np.full(front, given.mean(), given.dtype), given])
        return np.pad(weights, (0, (self.size) - len(weights)))


_INTEGER = (
    "max_tokens=None, num_oov_indices=1, mask_token=None, oov_token=-1, vocabulary=None, "
    "vocabulary_dtype='int64', idf_weights=None, invert=False, output_mode='int', sparse=False, "
    "pad_to_max_tokens=False, oov_method='floormod', salt=None, name=None"
)
_STRING = (
    "max_tokens=None, num_oov_indices=1, mask_token=None, oov_token='[UNK]', vocabulary=None, "
    "idf_weights=None, invert=False, output_mode='int', pad_to_max_tokens=False, sparse=False, "
    "encoding='utf-8', name=None, salt=None"
)
_VECTORIZATION = (
    "max_tokens=None, standardize='lower_and_strip_punctuation', split='whitespace', ngrams=None, "
    "output_mode='int', output_sequence_length=None, pad_to_max_tokens=False, vocabulary=None, "
    "idf_weights=None, sparse=False, ragged=False, encoding='utf-8', name=None"
)

TYPES = {
    "IntegerLookup": LayerType(
        signature(_INTEGER), _lookup_outputs, built_at_init=True, run=Lookup
    ),
    "StringLookup": LayerType(
        signature(_STRING), _lookup_outputs, built_at_init=True, not_run=_TEXT
    ),
    "TextVectorization": LayerType(
        signature(_VECTORIZATION), _text_outputs, built_at_init=True, not_run=_TEXT
    ),
}
