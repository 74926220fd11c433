"""A SavedModel in a zip or tar file."""

from rnncli.formats.tensorflow.saved_model import read_archive
from rnncli.model import Model


def read(path: str, optimizer: bool = False) -> Model:
    """Return the model in a zip or tar file. Raises: FileError."""
    return read_archive(path, optimizer)
