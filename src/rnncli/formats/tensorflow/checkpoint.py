"""A checkpoint of TensorFlow alone: `model.ckpt.index` and the files beside it."""

import os
from functools import partial

from rnncli.formats.containers.members import Folder
from rnncli.formats.keras import inference
from rnncli.formats.keras.matching import Holdings
from rnncli.formats.tensorflow.bundle import Bundle, store
from rnncli.formats.tensorflow.variables import by_module, optimizer_weights
from rnncli.model import Model


def read(path: str, optimizer: bool = False) -> Model:
    """Return the modules whose variables a checkpoint holds. Raises: FileError."""
    folder, name = os.path.split(path)
    bundle = Bundle(Folder(folder or "."), name.removesuffix(".index"))
    objects = bundle.objects()
    held = by_module(bundle, objects)
    kind = "TensorFlow checkpoint"
    model = inference.from_tensors(path, held, kind, Holdings(held), None, "TensorFlow")
    if optimizer:
        model = model._replace(optimizer=optimizer_weights(bundle, objects))
    return model._replace(store=partial(store, bundle))
