"""Layers that look values up in a vocabulary.

Source: `keras/src/layers/preprocessing/index_lookup.py`.
"""

from collections.abc import Mapping, Sequence
from types import MappingProxyType
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

    from rnncli.kernels import categories, words
else:
    np, categories = lazy("numpy"), lazy("rnncli.kernels.categories")
    words = lazy("rnncli.kernels.words")

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
    tokens = list(config["vocabulary"] or ())
    unknowns = [config["oov_token"]] * min(unknown, len(tokens) + 1)
    special = [config["mask_token"]] * masks + unknowns
    if isinstance(config["vocabulary"], str):
        raise UnsupportedError("the vocabulary is in a file of its own")
    has_special = tokens[: len(special)] == special
    return masks, unknown, len(tokens) - (masks + unknown if has_special else 0)


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
    return (encoded_shape(mode, shape, _known_size({**config, **_WORDS})),)


class Lookup(Op):
    """The place of each number or text in a vocabulary, those of unknown ones after that of the
    mask.

    `start` is the place of the first known token.
    """

    def __init__(self, setup: OpContext, given: Mapping[str, Any] = MappingProxyType({})) -> None:
        config = {**setup.config, **given}
        if config["vocabulary"] is None:
            raise unsupported(setup.name, setup.kind, "its vocabulary is not in the file")
        self.setup, self.config, self.mode = setup, config, mode_of(config)
        self.text = setup.kind != "IntegerLookup"
        masks, unknown, known = _places(config)
        self.start, self.size = masks + unknown, _known_size(config) or 0
        held = config["vocabulary"][len(config["vocabulary"]) - known :]
        self.tokens = np.array(held, object if self.text else np.int64)
        if len(set(held)) < known:
            raise ShapeError(f"the vocabulary of layer {setup.name!r} holds a token twice")

    def __call__(self, inputs: Sequence[Value], options: Mapping[str, Any]) -> tuple[Value, ...]:
        """Return places, vectors of them, or tokens at places."""
        given = inputs[0].array
        if self.config["invert"]:
            return (Value(self._back(given.astype(np.int64))),)
        if self.text != (given.dtype.kind in "UO"):
            what = "text" if self.text else "numbers"
            raise ShapeError(f"layer {self.setup.name!r} looks up {what}")
        return (Value(self.encoded(self.places(given if self.text else given.astype(np.int64)))),)

    def encoded(self, places: Array) -> Any:
        """Return places as they are, or as vectors."""
        if self.mode != "tf_idf":
            return categories.encoded(places, self.mode, self.size, np.int64)
        counts = categories.encoded(places, "count", self.size, self.setup.dtype)
        return counts * self._idf()

    def places(self, given: Array) -> Any:
        """Return the place of each token. Raises: ShapeError for one without a place."""
        places, found = self._texts(given) if self.text else self._numbers(given)
        mask = self.config["mask_token"]
        if mask is not None:
            places = np.where(given == mask, 0 if self.mode == "int" else _NOWHERE, places)
            found |= given == mask
        if not self.config["num_oov_indices"] and not found.all():
            raise ShapeError(f"layer {self.setup.name!r} does not know "
                             f"{str(given[~found].flat[0])[:60]!r}")  # fmt: skip
        return places

    def _numbers(self, numbers: Array) -> tuple[Any, Any]:
        order = np.argsort(self.tokens)
        at = np.searchsorted(self.tokens, numbers, sorter=order).clip(max=len(order) - 1)
        found = self.tokens[order[at]] == numbers
        return np.where(found, order[at] + self.start, self._unknown(numbers)), found

    def _texts(self, texts: Array) -> tuple[Any, Any]:
        """Return the places of texts, and which are known; each text is looked up once."""
        known = {token: at + self.start for at, token in enumerate(self.tokens)}
        seen, inverse = np.unique(texts.astype(str), return_inverse=True)
        found = np.array([str(each) in known for each in seen], bool)
        other = np.broadcast_to(self._unknown(seen), seen.shape)
        places = np.array(
            [known.get(str(each), int(place)) for each, place in zip(seen, other, strict=True)],
            np.int64,
        )
        return places[inverse].reshape(texts.shape), found[inverse].reshape(texts.shape)

    def _unknown(self, given: Array) -> Any:
        """Return the places of tokens that are not in the vocabulary."""
        many = self.config["num_oov_indices"]
        first = self.start - many
        if many < 2:
            return first
        if self.text or self.config["oov_method"] == "farmhash":
            salt = self.config["salt"]
            key = (salt, salt) if isinstance(salt, int) else salt
            return categories.hashed(given, many, key) + first
        return given % many + first

    def _back(self, places: Array) -> Any:
        """Return the tokens at places; unknown ones are the token for that."""
        held = places - self.start
        known = (held >= 0) & (held < len(self.tokens))
        numbers = np.where(known, self.tokens[held.clip(0, len(self.tokens) - 1)],
                           self.config["oov_token"])  # fmt: skip
        mask = self.config["mask_token"]
        back = numbers if mask is None else np.where(places == 0, mask, numbers)
        return back.astype(str) if self.text else back

    def _idf(self) -> Array:
        """Return the weight of each place; that of unknown numbers is the mean of the others."""
        given = np.asarray(self.config["idf_weights"], self.setup.dtype)
        front = self.start if len(given) == len(self.tokens) else 0
        weights = np.concatenate([np.full(front, given.mean(), given.dtype), given])
        return np.pad(weights, (0, (self.size) - len(weights)))


class Words(Op):
    """The places of a text's words in a vocabulary."""

    def __init__(self, setup: OpContext) -> None:
        config = setup.config
        self.config, self.lookup = config, Lookup(setup, _WORDS)
        standard, split = config["standardize"], config["split"]
        if not (standard is None or isinstance(standard, str)) or split not in _SPLITS:
            raise unsupported(setup.name, setup.kind, "it calls a function of the user's")
        if config["ragged"]:
            raise unsupported(setup.name, setup.kind, "its rows differ in their length")
        given = config["ngrams"]
        self.sizes = range(1, given + 1) if isinstance(given, int) else given

    def __call__(self, inputs: Sequence[Value], options: Mapping[str, Any]) -> tuple[Value, ...]:
        """Return the places `(batch, words)`, 0 after the last, or vectors of them."""
        texts = inputs[0].array
        length = self.config["output_sequence_length"]
        if self.config["split"] is None and self.sizes is None:
            rows = texts.reshape(len(texts), -1)
            tokens = np.array([[self._plain(each) for each in row] for row in rows], object)
            tokens = tokens.reshape(texts.shape)
            if length is not None:
                tokens = words.padded(tokens.reshape(len(rows), -1).tolist(), length)
        else:
            tokens = words.padded([self._row(each) for each in texts.reshape(len(texts), -1)],
                                  length)  # fmt: skip
        return (Value(self.lookup.encoded(self.lookup.places(tokens))),)

    def _plain(self, text: Any) -> str:
        return str(words.plain(str(text), self.config["standardize"]))

    def _row(self, texts: Array) -> list[str]:
        """Return the tokens of a row: of the only text in it, where that is split."""
        tokens = [self._plain(each) for each in texts]
        if self.config["split"] is not None:
            if len(tokens) != 1:
                raise ValueError(f"a text for each row is split, and there are {len(tokens)}")
            tokens = words.parts(tokens[0], self.config["split"])
        return tokens if self.sizes is None else list(words.runs(tokens, self.sizes))


# What the look-up in a TextVectorization is like.
_WORDS = {"num_oov_indices": 1, "mask_token": "", "oov_token": "[UNK]", "invert": False}
_SPLITS = ("whitespace", "character", None)
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
    "StringLookup": LayerType(signature(_STRING), _lookup_outputs, built_at_init=True, run=Lookup),
    "TextVectorization": LayerType(
        signature(_VECTORIZATION), _text_outputs, built_at_init=True, run=Words
    ),
}
