"""Layers in the ways that Keras's own layer tests leave out: masked, quantized, with adapters, in
wrappers, channels first, called with options.

A case is a layer's name, the shapes of its inputs (`i` before one: tokens) and an expression with
`L` for `keras.layers`, `K` for `keras` and `x`, `y`, `z` for the inputs. What stands behind `then`
is done to each layer once the weights are random.
"""

from itertools import product
from typing import NamedTuple


class Case(NamedTuple):
    """One model; `inputs` are shapes without the batch."""

    layer: str
    inputs: tuple[str, ...]
    text: str
    then: str = ""


SEQUENCE, TOKENS, IMAGE, VOLUME = "7,4", "i7", "8,6,4", "4,5,6,4"
_MASKED = "L.Masking()(x)"
_ACTIVATIONS = (
    "celu", "elu", "exponential", "gelu", "glu", "hard_shrink", "hard_sigmoid", "hard_silu",
    "hard_tanh", "leaky_relu", "linear", "log_sigmoid", "log_softmax", "mish", "relu", "relu6",
    "selu", "sigmoid", "silu", "soft_shrink", "softmax", "softplus", "softsign", "sparse_plus",
    "sparse_sigmoid", "sparsemax", "squareplus", "swish", "tanh", "tanh_shrink", "threshold",
)  # fmt: skip


def one(layer: str, inputs: str, *texts: str, then: str = "") -> list[Case]:
    """Return a case per expression; the inputs are parted by spaces."""
    return [Case(layer, tuple(inputs.split()), text, then) for text in texts]


def masked() -> list[Case]:
    """Layers behind a mask, with a recurrent one behind them that tells whether it came through."""
    inner = (
        "Dense(4)", "EinsumDense('abc,cd->abd', (None, 5), bias_axes='d')", "Identity()",
        "Activation('relu')", "Dropout(0.5)", "SpatialDropout1D(0.5)", "GaussianNoise(1.0)",
        "GaussianDropout(0.5)", "AlphaDropout(0.5)", "ActivityRegularization(0.1)",
        "LayerNormalization()", "BatchNormalization()", "GroupNormalization(2)",
        "UnitNormalization()", "RMSNormalization()", "Normalization(mean=1.0, variance=2.0)",
        "ReLU()", "LeakyReLU()", "ELU()", "PReLU()", "Softmax()", "Rescaling(2.0)", "Conv1D(3, 2)",
        "Conv1D(3, 2, padding='causal')", "SeparableConv1D(3, 2)", "DepthwiseConv1D(2)",
        "MaxPooling1D(2)", "AveragePooling1D(2)", "UpSampling1D(2)", "ZeroPadding1D(1)",
        "Cropping1D(1)", "Reshape((7, 2, 2)), L.Reshape((7, 4))", "Permute((1, 2))",
        "TimeDistributed(L.Dense(3))", "LSTM(3, return_sequences=True)",
        "Bidirectional(L.GRU(3, return_sequences=True))", "Masking()",
        "SpectralNormalization(L.Dense(3))", "STFTSpectrogram('real', 4)",
    )  # fmt: skip
    found = []
    for each in inner:
        chain = each.split(", L.") if "Reshape" in each else [each]
        text = _MASKED
        for part in chain:
            text = f"L.{part.removeprefix('L.')}({text})"
        name = each.partition("(")[0]
        found += one(name, SEQUENCE, f"L.LSTM(2)({text})")
    for name in ("GlobalAveragePooling1D", "GlobalMaxPooling1D", "Flatten"):
        found += one(name, SEQUENCE, f"L.{name}()({_MASKED})")
    for name in ("Add", "Subtract", "Multiply", "Average", "Maximum", "Minimum", "Concatenate"):
        found += one(name, f"{SEQUENCE} {SEQUENCE}",
                     f"L.LSTM(2)(L.{name}()([{_MASKED}, L.Masking()(y)]))",
                     f"L.LSTM(2)(L.{name}()([{_MASKED}, y]))")  # fmt: skip
    found += one("Concatenate", f"{SEQUENCE} {SEQUENCE}",
                 f"L.LSTM(2)(L.Concatenate(axis=1)([{_MASKED}, L.Masking()(y)]))",
                 f"L.LSTM(2)(L.Concatenate(axis=1)([{_MASKED}, y]))")  # fmt: skip
    found += one("Dot", f"{SEQUENCE} {SEQUENCE}",
                 f"L.LSTM(2)(L.Dot(axes=2)([{_MASKED}, L.Masking()(y)]))",
                 "L.Dot(axes=(1, 1), normalize=True)([x, y])",
                 "L.Dot(axes=-1)([x, y])")  # fmt: skip
    return found


def attention() -> list[Case]:
    """Attention of every kind, with its masks and scores."""
    two, three = "5,4 7,4", "5,4 7,4 7,4"
    found = []
    for name, arguments in (
        ("Attention", ""), ("Attention", "use_scale=True"), ("Attention", "score_mode='concat'"),
        ("Attention", "score_mode='concat', use_scale=True"), ("Attention", "dropout=0.5"),
        ("AdditiveAttention", ""), ("AdditiveAttention", "use_scale=False"),
    ):  # fmt: skip
        layer = f"L.{name}({arguments})"
        found += one(name, two, f"{layer}([x, y])", f"{layer}([x, y], use_causal_mask=True)",
                     f"{layer}([x, y], return_attention_scores=True)",
                     f"L.LSTM(2)({layer}([L.Masking()(x), L.Masking()(y)]))",
                     f"L.LSTM(2)({layer}([L.Masking()(x), y]))",
                     f"{layer}([x, L.Masking()(y)], use_causal_mask=True)")  # fmt: skip
        found += one(name, three, f"{layer}([x, y, z])")
    for name, sizes in (("MultiHeadAttention", "2, 3"), ("GroupQueryAttention", "3, 4, 2")):
        for more in ("", ", use_bias=False", ", dropout=0.5", ", use_gate=True",
                     ", sliding_window=2", ", flash_attention=False"):  # fmt: skip
            layer = f"L.{name}({sizes}{more})"
            found += one(
                name, two, f"{layer}(x, y)", f"{layer}(x, y, use_causal_mask=True)",
                f"{layer}(x, y, return_attention_scores=True)",
                f"{layer}(x, x, return_attention_scores=True)",
                f"L.LSTM(2)({layer}(L.Masking()(x), L.Masking()(y)))",
                f"L.LSTM(2)({layer}(L.Masking()(x), y, use_causal_mask=True))",
                f"{layer}(x, L.Masking()(y), return_attention_scores=True)",
            )  # fmt: skip
            found += one(name, three, f"{layer}(x, y, z)", f"{layer}(x, y, key=z)",
                         f"{layer}(x, L.Masking()(y), L.Masking()(z))",
                         f"{layer}(query=x, value=y, key=z)")  # fmt: skip
            found += one(name, f"{two} 5,7", f"{layer}(x, y, attention_mask=z > 0)",
                         f"{layer}(x, y, attention_mask=z > 0, use_causal_mask=True)")  # fmt: skip
    found += one("MultiHeadAttention", two, "L.MultiHeadAttention(2, 3, value_dim=5)(x, y)",
                 "L.MultiHeadAttention(2, 3, output_shape=6)(x, y)",
                 "L.MultiHeadAttention(2, 3, output_shape=(2, 3))(x, y)")  # fmt: skip
    found += one("MultiHeadAttention", "3,5,4 3,5,4",
                 "L.MultiHeadAttention(2, 3, attention_axes=(2,))(x, y)",
                 "L.MultiHeadAttention(2, 3)(x, y)",
                 "L.MultiHeadAttention(2, 3, attention_axes=1)(x, y)")  # fmt: skip
    found += one("MultiHeadAttention", TOKENS,
                 "L.LSTM(2)((lambda e: L.MultiHeadAttention(2, 3)(e, e))(L.Embedding(9, 4, "
                 "mask_zero=True)(x)))")  # fmt: skip
    return found


def quantized() -> list[Case]:
    """Quantized layers, those with low-rank adapters, and both."""
    found = []
    config = "K.quantizers"
    modes = (
        "quantize('int8')", "quantize('int4')", "quantize('float8')",
        f"quantize(config={config}.Int8QuantizationConfig(activation_quantizer=None))",
        f"quantize(config={config}.Int4QuantizationConfig(block_size=-1))",
        f"quantize(config={config}.Int4QuantizationConfig(block_size=2))",
        f"quantize(config={config}.Int4QuantizationConfig(block_size=3))",
        f"quantize(config={config}.Int4QuantizationConfig(block_size=None, "
        f"activation_quantizer={config}.AbsMaxQuantizer()))",
    )  # fmt: skip
    layers = (
        ("Dense", SEQUENCE, "L.Dense(5)(x)"),
        ("Dense", "5", "L.Dense(3, activation='relu', use_bias=False)(x)"),
        ("Dense", "5", "L.Dense(6, lora_rank=2)(x)"),
        ("EinsumDense", SEQUENCE,
         "L.EinsumDense('abc,cde->abde', (None, 3, 5), bias_axes='de')(x)"),
        ("EinsumDense", "7,3,4", "L.EinsumDense('abcd,cde->abe', (None, 5), bias_axes='e')(x)"),
        ("EinsumDense", SEQUENCE, "L.EinsumDense('...x,xy->...y', 5, bias_axes='y', "
                                  "activation='tanh')(x)"),
        ("EinsumDense", SEQUENCE, "L.EinsumDense('abc,cd->abd', (None, 5), lora_rank=2)(x)"),
        ("Embedding", TOKENS, "L.Embedding(9, 4)(x)"),
        ("Embedding", TOKENS, "L.LSTM(2)(L.Embedding(9, 5, mask_zero=True)(x))"),
        ("Embedding", TOKENS, "L.Embedding(9, 4, lora_rank=2)(x)"),
        ("ReversibleEmbedding", TOKENS, "L.ReversibleEmbedding(9, 4)(x)"),
        ("ReversibleEmbedding", "7,4", "L.ReversibleEmbedding(9, 4)(x, reverse=True)"),
        ("ReversibleEmbedding", "7,4",
         "L.ReversibleEmbedding(9, 4, tie_weights=False)(x, reverse=True)"),
        ("MultiHeadAttention", "5,4 7,4", "L.MultiHeadAttention(2, 3)(x, y)"),
        ("TimeDistributed", SEQUENCE, "L.TimeDistributed(L.Dense(5))(x)"),
    )  # fmt: skip
    for (name, shapes, text), then in product(layers, modes):
        found += one(name, shapes, text, then=then)
    one_d, two_d = "7,4", "8,6,4"
    found += one("Dense", "5", "L.Dense(6, lora_rank=2, lora_alpha=3)(x)",
                 "L.LSTM(2)(L.Dense(6, lora_rank=2)(L.Reshape((5, 1))(x)))")  # fmt: skip
    found += one("Conv1D", one_d, "L.Conv1D(3, 2, lora_rank=2)(x)",
                 "L.Conv1D(3, 2, lora_rank=1, lora_alpha=4, use_bias=False)(x)")  # fmt: skip
    found += one("Conv2D", two_d, "L.Conv2D(3, 2, lora_rank=2)(x)",
                 "L.Conv2D(4, (2, 3), groups=2, lora_rank=2)(x)")  # fmt: skip
    found += one("Conv3D", VOLUME, "L.Conv3D(3, 2, lora_rank=2)(x)")
    return found


def windows() -> list[Case]:
    """Convolutions and pools on every path through padding, strides, dilation and layout."""
    found = []
    for axes, shape in ((1, SEQUENCE), (2, IMAGE), (3, VOLUME)):
        for more in ("strides=2, padding='same'", "strides=3", "dilation_rate=2, padding='same'",
                     "groups=2, activation='relu'", "use_bias=False, padding='same'"):  # fmt: skip
            found += one(f"Conv{axes}D", shape, f"L.Conv{axes}D(4, 2, {more})(x)")
        for more in ("strides=2", "strides=3, padding='same'", "strides=2, output_padding=1",
                     "strides=2, padding='same', output_padding=0", "padding='same'",
                     "strides=4, use_bias=False"):  # fmt: skip
            found += one(f"Conv{axes}DTranspose", shape, f"L.Conv{axes}DTranspose(3, 3, {more})(x)")
        windows = ("2", "2, strides=1", "3, padding='same'", "2, strides=3, padding='same'")
        for kind, more in product(("Max", "Average"), windows):
            found += one(f"{kind}Pooling{axes}D", shape, f"L.{kind}Pooling{axes}D({more})(x)")
        for kind in ("Max", "Average"):
            found += one(f"Global{kind}Pooling{axes}D", shape,
                         f"L.Global{kind}Pooling{axes}D(keepdims=True)(x)")  # fmt: skip
            found += one(f"Adaptive{kind}Pooling{axes}D", shape,
                         f"L.Adaptive{kind}Pooling{axes}D(2)(x)",
                         f"L.Adaptive{kind}Pooling{axes}D(3)(x)")  # fmt: skip
        found += one(f"Conv{axes}DTranspose", shape,
                     f"L.Conv{axes}DTranspose(3, 2, dilation_rate=2)(x)")  # fmt: skip
        first = "data_format='channels_first'"
        found += one(f"ZeroPadding{axes}D", shape, f"L.ZeroPadding{axes}D(2, {first})(x)")
        found += one(f"UpSampling{axes}D", shape, f"L.UpSampling{axes}D(2)(x)")
    for axes, shape in ((1, SEQUENCE), (2, IMAGE)):
        for more in ("strides=2, padding='same'", "depth_multiplier=3", "use_bias=False",
                     "activation='tanh', padding='same'", "dilation_rate=2"):  # fmt: skip
            found += one(f"DepthwiseConv{axes}D", shape, f"L.DepthwiseConv{axes}D(3, {more})(x)")
            found += one(f"SeparableConv{axes}D", shape, f"L.SeparableConv{axes}D(5, 3, {more})(x)")
    for method in ("nearest", "bilinear", "bicubic", "lanczos3", "lanczos5"):
        found += one("Resizing", IMAGE, f"L.Resizing(5, 9, interpolation='{method}')(x)",
                     f"L.Resizing(3, 3, interpolation='{method}', antialias=True)(x)",
                     f"L.Resizing(12, 13, interpolation='{method}')(x)")  # fmt: skip
    found += one("Resizing", IMAGE, "L.Resizing(3, 7, crop_to_aspect_ratio=True)(x)",
                 "L.Resizing(9, 4, crop_to_aspect_ratio=True)(x)",
                 "L.Resizing(9, 4, pad_to_aspect_ratio=True)(x)",
                 "L.Resizing(3, 7, pad_to_aspect_ratio=True, fill_value=0.5)(x)")  # fmt: skip
    found += one("CenterCrop", IMAGE, "L.CenterCrop(5, 3)(x)", "L.CenterCrop(9, 3)(x)",
                 "L.CenterCrop(9, 9)(x)")  # fmt: skip
    return found


def plain() -> list[Case]:
    """The other layers, and activations by name and as layers."""
    found = []
    for name in _ACTIVATIONS:
        call = "L.Activation(K.activations.threshold)" if name == "threshold" else (
            f"L.Activation('{name}')")  # fmt: skip
        if name != "threshold":
            found += one("Activation", SEQUENCE, f"{call}(x)")
            if name != "glu":
                found += one("Dense", "5", f"L.Dense(4, activation='{name}')(x)")
    for layer in ("L.LeakyReLU(0.2)", "L.ReLU(6.0)", "L.ELU(0.5)", "L.Softmax()", "L.PReLU()"):
        found += one("Dense", "5", f"L.Dense(4, activation={layer})(x)")
        found += one("Conv1D", SEQUENCE, f"L.Conv1D(4, 2, activation={layer})(x)")
        found += one("Activation", SEQUENCE, f"L.Activation({layer})(x)")
    found += one("LSTM", SEQUENCE, "L.LSTM(3, activation=L.LeakyReLU(0.2))(x)")
    for arguments in ("axis=1", "axis=[1, 2]", "axis=-1, center=False", "scale=False",
                      "rms_scaling=True", "epsilon=0.1"):  # fmt: skip
        found += one("LayerNormalization", SEQUENCE, f"L.LayerNormalization({arguments})(x)")
    for arguments in ("axis=1", "center=False, scale=False", "renorm=True", "momentum=0.5",
                      "renorm=True, center=False"):  # fmt: skip
        found += one("BatchNormalization", SEQUENCE, f"L.BatchNormalization({arguments})(x)")
    found += one("GroupNormalization", IMAGE, "L.GroupNormalization(2)(x)",
                 "L.GroupNormalization(-1)(x)", "L.GroupNormalization(1, scale=False)(x)",
                 "L.GroupNormalization(3, axis=2)(x)",
                 "L.GroupNormalization(4, axis=1)(x)")  # fmt: skip
    found += one("UnitNormalization", IMAGE, "L.UnitNormalization(axis=1)(x)",
                 "L.UnitNormalization(axis=(1, 2))(x)")  # fmt: skip
    found += one("RMSNormalization", IMAGE, "L.RMSNormalization(axis=1)(x)",
                 "L.RMSNormalization(axis=(1, 2))(x)",
                 "L.RMSNormalization(axis=[2, 3])(x)")  # fmt: skip
    found += one("Normalization", SEQUENCE, "L.Normalization(axis=None, mean=1.5, variance=2.0)(x)",
                 "L.Normalization(mean=[1., 2., 3., 4.], variance=[1., 2., 3., 4.])(x)",
                 "L.Normalization(mean=1.0, variance=2.0, invert=True)(x)",
                 "L.Normalization()(x)", "L.Normalization(axis=1)(x)")  # fmt: skip
    found += one("SpectralNormalization", SEQUENCE, "L.SpectralNormalization(L.Dense(3))(x)",
                 "L.SpectralNormalization(L.Conv1D(3, 2), power_iterations=2)(x)",
                 "L.SpectralNormalization(L.Dense(3, use_bias=False), trainable=False)(x)",
                 "L.SpectralNormalization(L.EinsumDense('abc,cd->abd', (None, 5)))(x)")  # fmt: skip
    found += one("ReversibleEmbedding", TOKENS, "L.ReversibleEmbedding(9, 4)(x)",
                 "(lambda e: e(L.LSTM(4, return_sequences=True)(e(x)), reverse=True))"
                 "(L.ReversibleEmbedding(9, 4))",
                 "(lambda e: e(e(x), reverse=True))(L.ReversibleEmbedding(9, 4, tie_weights=False, "
                 "logit_soft_cap=2.0))",
                 "L.ReversibleEmbedding(9, 4, mask_zero=True)(x)")  # fmt: skip
    found += one("STFTSpectrogram", "64,2", *(
        f"L.STFTSpectrogram({each})(x)" for each in (
            "'log', 16", "'magnitude', 16, 4", "'psd', 16, 8, 32", "'real', 16", "'imag', 16",
            "'angle', 16", "'stft', 16", "'log', 16, expand_dims=True", "'log', 16, padding='same'",
            "'log', 16, window='hamming', periodic=True, scaling='spectrum'",
            "'psd', 16, scaling=None", "'real', 16, window=None",
        )
    ))  # fmt: skip
    found += one("MelSpectrogram", "1200", *(
        f"L.MelSpectrogram({each})(x)" for each in (
            "64, 32, sampling_rate=800, num_mel_bins=10, min_freq=5.0",
            "64, 20, 40, window='hamming', sampling_rate=800, num_mel_bins=6, power_to_db=False",
            "128, 64, sampling_rate=8000, num_mel_bins=8, max_freq=3e3, mag_exp=1.0, top_db=20.0",
        )
    ))  # fmt: skip
    found += one("TimeDistributed", "7,6,4", *(
        f"L.TimeDistributed(L.{each})(x)" for each in (
            "Dense(3)", "LSTM(3)", "Conv1D(3, 2)", "GlobalAveragePooling1D()", "Flatten()",
            "LayerNormalization()", "BatchNormalization()", "Reshape((3, 8))",
            "LSTM(3, return_sequences=True)", "Bidirectional(L.GRU(2))", "Dropout(0.5)",
            "MaxPooling1D()", "TimeDistributed(L.Dense(2))", "Activation('relu')", "ReLU()",
            "EinsumDense('abc,cd->abd', (None, 5))", "SeparableConv1D(3, 2)", "Permute((2, 1))",
            "SpectralNormalization(L.Dense(2))", "RNN(L.LSTMCell(2))", "PReLU()",
        )
    ))  # fmt: skip
    found += one("TimeDistributed", "3,8,6,4", "L.TimeDistributed(L.Conv2D(3, 2))(x)",
                 "L.TimeDistributed(L.MaxPooling2D())(x)",
                 "L.LSTM(2)(L.TimeDistributed(L.GlobalAveragePooling2D())(x))")  # fmt: skip
    found += one("TimeDistributed", "i7,3", "L.TimeDistributed(L.Embedding(9, 4))(x)")
    found += one("Bidirectional", SEQUENCE, *(
        f"L.Bidirectional(L.{each})(x)" for each in (
            "RNN(L.LSTMCell(3))", "RNN(L.GRUCell(3), return_sequences=True)",
            "RNN([L.LSTMCell(3), L.GRUCell(2)])", "LSTM(3, return_state=True)",
            "GRU(3, go_backwards=True), backward_layer=L.GRU(3)",
        )
    ), "L.Bidirectional(L.LSTM(3), merge_mode='mul', trainable=False)(x)")  # fmt: skip
    cells = "4 3"
    found += one(
        "LSTMCell", f"{cells} 3", "L.LSTMCell(3)(x, [y, z])[0]", "L.LSTMCell(3)(x, [y, z])"
    )
    found += one("GRUCell", cells, "L.GRUCell(3)(x, [y])", "L.GRUCell(3, reset_after=False)(x, y)")
    found += one("SimpleRNNCell", cells, "L.SimpleRNNCell(3)(x, [y])", "L.SimpleRNNCell(3)(x, y)")
    found += one("StackedRNNCells", f"{cells} 3",
                 "L.StackedRNNCells([L.GRUCell(3), L.GRUCell(3)])(x, [y, z])")  # fmt: skip
    return found


def categories() -> list[Case]:
    """Categories, images at inference, shapes of text."""
    found = []
    for mode, shape in product(("one_hot", "multi_hot", "count"), ("i7", "i1")):
        found += one("CategoryEncoding", shape,
                     f"L.CategoryEncoding(9, output_mode='{mode}')(x)")  # fmt: skip
    for mode in ("int", "one_hot", "multi_hot", "count"):
        found += one("Discretization", "7", "L.Discretization([-1.0, 0.0, 0.5], "
                     f"output_mode='{mode}')(x)")  # fmt: skip
        found += one("Hashing", "i7", f"L.Hashing(5, output_mode='{mode}')(x)",
                     f"L.Hashing(5, mask_value=0, output_mode='{mode}')(x)",
                     f"L.Hashing(5, salt=[133, 137], output_mode='{mode}')(x)")  # fmt: skip
        found += one("IntegerLookup", "i7",
                     f"L.IntegerLookup(vocabulary=[2, 5, 3], output_mode='{mode}')(x)",
                     f"L.IntegerLookup(vocabulary=[2, 5, 3], mask_token=0, num_oov_indices=2, "
                     f"output_mode='{mode}')(x)")  # fmt: skip
    found += one("IntegerLookup", "i7",
                 "L.IntegerLookup(vocabulary=[2, 5, 3], invert=True)(x)",
                 "L.IntegerLookup(vocabulary=[2, 5, 3], max_tokens=8, pad_to_max_tokens=True, "
                 "output_mode='multi_hot')(x)",
                 "L.IntegerLookup(vocabulary=[2, 5, 3], output_mode='tf_idf', "
                 "idf_weights=[0.5, 0.2, 0.1])(x)",
                 "L.IntegerLookup(vocabulary=[2, 5, 3], num_oov_indices=3, "
                 "oov_method='farmhash')(x)",
                 "L.Dense(2)(L.IntegerLookup(vocabulary=[2, 5], output_mode='count')(x))",
                 )  # fmt: skip
    found += one("HashedCrossing", "i1 i1", "L.HashedCrossing(5)([x, y])",
                 "L.HashedCrossing(5, output_mode='one_hot')([x, y])")  # fmt: skip
    for each in (
        "AugMix()", "AutoContrast()", "AutoContrast((0, 1))", "CutMix()", "Equalization()",
        "MixUp()", "RandAugment()", "RandomBrightness(0.2)", "RandomColorDegeneration(0.2)",
        "RandomColorJitter(brightness_factor=0.1)", "RandomContrast(0.2)", "RandomCrop(8, 6)",
        "RandomElasticTransform()", "RandomErasing()", "RandomFlip()", "RandomGaussianBlur()",
        "RandomGrayscale()", "RandomHue(0.2)", "RandomInvert()", "RandomPerspective()",
        "RandomPosterization(4)", "RandomRotation(0.2)", "RandomSaturation(0.2)",
        "RandomSharpness(0.2)", "RandomShear(0.2)", "RandomTranslation(0.2, 0.2)",
        "RandomZoom(0.2)", "Solarization()", "Pipeline([L.RandomFlip(), L.Rescaling(0.5)])",
        "Pipeline([L.CenterCrop(4, 4), L.AutoContrast()])",
        "ContrastLimitedAdaptiveHistogramEqualization((0, 1), tile_grid_size=(2, 3))",
    ):  # fmt: skip
        found += one(each.partition("(")[0], "8,6,3", f"L.{each}(x)")
    return found


def conv_lstms() -> list[Case]:
    """ConvLSTM of every rank."""
    found = []
    for axes, shape in ((1, "4,6,3"), (2, "4,6,5,3"), (3, "3,4,5,4,2")):
        for more in ("", ", padding='same', return_sequences=True", ", return_state=True",
                     ", strides=2", ", go_backwards=True, return_sequences=True",
                     ", use_bias=False, recurrent_activation='hard_sigmoid'",
                     ", dilation_rate=2, padding='same'", ", activation='relu'"):  # fmt: skip
            found += one(f"ConvLSTM{axes}D", shape, f"L.ConvLSTM{axes}D(3, 2{more})(x)")
    found += one("ConvLSTM2D", "4,6,5,3",
                 "L.ConvLSTM2D(2, 2)(L.ConvLSTM2D(3, 2, return_sequences=True)(x))",
                 "L.Bidirectional(L.ConvLSTM2D(2, 2))(x)",
                 "L.TimeDistributed(L.Flatten())(L.ConvLSTM2D(2, 2, return_sequences=True)(x))",
                 "L.ConvLSTM2D(2, 2)(L.BatchNormalization()(x))")  # fmt: skip
    return found


CASES = [*masked(), *attention(), *quantized(), *windows(), *plain(), *categories(), *conv_lstms()]
