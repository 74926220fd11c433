"""Save layers in ways that only a file can have: quantized, called with options, several inputs.

Usage: python tests/goldens/make_layers.py   (needs keras and tensorflow; not run by the tests)

The cases are a sample of `conformance/more_layers.py`; values are those of the model that Keras
loads from the file.
"""

import json
import os
import sys
import zipfile
from pathlib import Path

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
HERE = Path(__file__).parent
sys.path.insert(0, str(HERE.parents[1] / "conformance"))
sys.argv[1:] = []

import numpy as np  # noqa: E402
from keras_layers import Maker  # noqa: E402
from more_layers import Case  # noqa: E402

INT4 = "K.quantizers.Int4QuantizationConfig"
CASES = [
    *(Case("Dense", ("7,4",), "L.Dense(5)(x)", then) for then in (
        "quantize('int8')", "quantize('int4')", "quantize('float8')",
        f"quantize(config={INT4}(block_size=3))", f"quantize(config={INT4}(block_size=-1))",
        "quantize(config=K.quantizers.Int8QuantizationConfig(activation_quantizer=None))",
    )),
    *(Case("EinsumDense", ("7,4",),
           "L.EinsumDense('abc,cde->abde', (None, 3, 5), bias_axes='de')(x)", then) for then in (
        "quantize('int8')", "quantize('int4')", "quantize('float8')")),
    Case("EinsumDense", ("7,3,4",),
         "L.EinsumDense('abcd,cde->abe', (None, 5), bias_axes='e')(x)", "quantize('int8')"),
    *(Case("Embedding", ("i7",), "L.LSTM(2)(L.Embedding(9, 5, mask_zero=True)(x))", then)
      for then in ("quantize('int8')", f"quantize(config={INT4}(block_size=2))")),
    *(Case("ReversibleEmbedding", ("7,4",),
           "L.ReversibleEmbedding(9, 4, tie_weights=False)(x, reverse=True)", then)
      for then in ("quantize('int8')", "quantize('int4')")),
    Case("TimeDistributed", ("7,4",), "L.TimeDistributed(L.Dense(5))(x)", "quantize('int8')"),
    Case("Dense", ("5",), "L.Dense(6, lora_rank=2)(x)", ""),
    Case("Conv2D", ("6,5,4",), "L.Conv2D(4, 2, groups=2, lora_rank=2)(x)", ""),
    Case("MultiHeadAttention", ("5,4", "7,4", "5,7"),
         "L.MultiHeadAttention(2, 3, dropout=0.5)(x, y, attention_mask=z > 0)", ""),
    Case("MultiHeadAttention", ("5,4", "7,4"), "L.MultiHeadAttention(2, 3, use_gate=True)(x, "
         "L.Masking()(y), return_attention_scores=True)", ""),
    Case("GroupQueryAttention", ("5,4", "7,4", "7,4"),
         "L.GroupQueryAttention(3, 4, 2, sliding_window=3)(x, y, key=z, use_causal_mask=True)", ""),
    Case("Attention", ("5,4", "7,4"),
         "L.Attention(use_scale=True)([x, L.Masking()(y)], return_attention_scores=True)", ""),
    Case("LSTMCell", ("4", "3", "3"), "L.LSTMCell(3)(x, [y, z])", ""),
    Case("StackedRNNCells", ("4", "3", "3"),
         "L.StackedRNNCells([L.GRUCell(3), L.SimpleRNNCell(3)])(x, [y, z])", ""),
    Case("HashedCrossing", ("i1", "i1"), "L.HashedCrossing(5)([x, y])", ""),
    Case("SpectralNormalization", ("7,6,4",),
         "L.TimeDistributed(L.SpectralNormalization(L.Dense(2)))(x)", ""),
    Case("Pipeline", ("6,5,3",), "L.Pipeline([L.Normalization(), L.RandomFlip()])(x)", ""),
    *(Case("Attention", ("i7", "5,4"), f"{layer}([L.Embedding(9, 4, mask_zero=True)(x), y])", "")
      for layer in ("L.AdditiveAttention()", "L.Attention(use_scale=True, score_mode='concat')")),
    Case("MelSpectrogram", ("300",),
         "L.MelSpectrogram(64, 32, sampling_rate=800, num_mel_bins=6, top_db=5)(x)", ""),
]  # fmt: skip


def deflated(path: Path) -> None:
    """Write a zip again with its members compressed."""
    with zipfile.ZipFile(path) as archive:
        members = {name: archive.read(name) for name in archive.namelist()}
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED, compresslevel=9) as archive:
        for name, data in members.items():
            archive.writestr(zipfile.ZipInfo(name), data, zipfile.ZIP_DEFLATED, 9)


def main() -> None:
    folder = HERE / "layers"
    folder.mkdir(exist_ok=True)
    maker, arrays, texts = Maker(folder), {}, []
    for index, case in enumerate(CASES):
        maker.from_case(case)
        record = maker.records[-1]
        assert not record["why"], record
        path = folder / f"{index:04}"
        with np.load(f"{path}.npz") as found:
            arrays |= {f"{index}/{name}": found[name] for name in found.files}
        text = path.with_suffix(".txt").read_text()
        texts.append({"text": case.text, "then": case.then, "summary": text})
        for suffix in (".npz", ".txt"):
            path.with_suffix(suffix).unlink()
        deflated(path.with_suffix(".keras"))
    np.savez_compressed(folder / "values.npz", **arrays)
    versions = {"keras": maker.keras.__version__, "backend": maker.keras.backend.backend()}
    golden = {"versions": versions, "cases": texts}
    (folder / "cases.json").write_text(json.dumps(golden, indent=1, ensure_ascii=False) + "\n")


if __name__ == "__main__":
    main()
