"""How much of a file is read at most. Every limit of every reader is here, and in docs/files.md.

Beyond a limit a file is refused with one line, before the memory it asks for is taken.
"""

from rnncli.errors import FileError

JSON_BYTES = 32 << 20  # a Keras 3 config of 10,000 layers has some 20 MB
JSON_VALUES = 2_000_000  # in it, each of which takes some 100 bytes of memory
NESTING = 100  # lists and dicts inside each other; real configs reach about 20
MODEL_NESTING = 32  # models inside models
LAYERS = 50_000
CALLS = 200_000  # uses of layers, and connections between them
DIMENSION = 1 << 53  # a size beyond which not even a double counts exactly
TENSORS = 200_000
NAME_CHARACTERS = 100_000
NAMES_CHARACTERS = 32 << 20  # of a .pt's tensors, the longest times their number
ZIP_MEMBERS = 100_000
VOCABULARY_BYTES = 64 << 20  # of a layer that was adapted to data
VOCABULARY = 4_000_000  # tokens in it
ZIP_RATIO = 200  # uncompressed to compressed bytes; DEFLATE reaches 1,032, weights about 1.2
UNPACKED_BYTES = 1 << 30  # compressed weights of a .keras, held in memory while they are read
UNPACKED_SMALL = 16 << 20  # bytes of weights that any file may unpack to
UNPACKED_RATIO = 20  # beyond them: compressed weights have about 1.2, with unused optimizers 4
XZ_DICTIONARY = 128 << 20  # bytes that unpacking may take; xz's highest level takes 65 MiB
METADATA_BYTES = 1 << 20  # what a .keras says of itself
HDF5_ATTRIBUTE_BYTES = JSON_BYTES
HDF5_HEAP_BYTES = 2 * HDF5_ATTRIBUTE_BYTES  # a run of texts and lists, which attributes point into
HDF5_DEPTH = 40
HDF5_RATIO = 100  # beyond UNPACKED_SMALL, unpacked to stored bytes, read block by block
HDF5_CHUNK_RATIO = 10  # the same of one chunk of that size, which has to fit into memory
HDF5_CHUNKS = 200_000  # of all weights, stored or not; each takes some microseconds
PICKLE_BYTES = 128 << 20  # without the tensors, which lie beside it
PICKLE_OPERATIONS = 2_000_000  # a tensor takes some 30
PICKLE_MEMO = 1_000_000
PICKLE_WALK = 300_000  # looks at its lists and records, in search of tensors
PICKLE_LINE = 1 << 16  # of text, where a pickle of protocol 0 has one
INDEX_BYTES = 64 << 20  # of a TensorFlow checkpoint: names and shapes; a tensor takes some 100
SAFETENSORS_HEADER = JSON_BYTES  # the format itself allows 100,000,000
ONNX_BYTES = 256 << 20  # without the values of its tensors
ONNX_FIELDS = 2_000_000  # of messages that are looked into; a node takes one
TORCHSCRIPT_CODE = 16 << 20  # bytes of all classes; a model has some KB
BUDGET_BYTES = 1 << 20  # of a file of budgets
TFLITE_BYTES = 2 << 30  # FlatBuffers' own limit
TENSOR_BYTES = 8 << 30  # one tensor, read whole


def check(what: str, found: int, limit: int) -> None:
    """Return nothing if `found` is within `limit`. Raises: FileError that says both."""
    if found > limit:
        raise FileError(f"{what}: {found:,}, but at most {limit:,} are read")


def check_nesting(value: object, limit: int = NESTING) -> None:
    """Refuse lists and dicts nested deeper than `limit`, without recursion. Raises: FileError."""
    level = [value]
    for _ in range(limit):
        below: list[object] = []
        for item in level:
            if isinstance(item, dict):
                below += [v for v in item.values() if isinstance(v, dict | list)]
            elif isinstance(item, list):
                below += [v for v in item if isinstance(v, dict | list)]
        if not below:
            return
        level = below
    raise FileError(f"lists and objects are nested deeper than {limit} levels")
