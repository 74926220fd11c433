"""Stacks of layers that Keras has computed for us, as `--layer` expressions."""

from itertools import product

SEQUENCE = "Input((7, 3))"
TOKENS = "Input((7,))"
VECTOR = "Input((6,))"


def _cells() -> list[list[str]]:
    """Cells x what they return x direction x bias, each once with all else at its default."""
    stacks = []
    for cell, arguments in product(
        ("SimpleRNN", "LSTM", "GRU"),
        ("", "return_sequences=True", "return_state=True",
         "return_sequences=True, return_state=True", "go_backwards=True",
         "go_backwards=True, return_sequences=True", "use_bias=False"),
    ):  # fmt: skip
        stacks.append([SEQUENCE, f"{cell}(4, {arguments})" if arguments else f"{cell}(4)"])
    for arguments in ("", ", return_sequences=True", ", use_bias=False", ", go_backwards=True"):
        stacks.append([SEQUENCE, f"GRU(4, reset_after=False{arguments})"])
    return stacks


def _activations() -> list[list[str]]:
    names = (
        "celu", "elu", "exponential", "gelu", "hard_shrink", "hard_sigmoid", "hard_silu",
        "hard_swish", "hard_tanh", "leaky_relu", "linear", "log_sigmoid", "log_softmax", "mish",
        "relu", "relu6", "selu", "sigmoid", "silu", "soft_shrink", "softmax", "softplus",
        "softsign", "sparse_plus", "sparse_sigmoid", "sparsemax", "squareplus", "swish", "tanh",
        "tanh_shrink",
    )  # fmt: skip
    stacks = [[VECTOR, f"Activation('{name}')"] for name in names]
    for cell, (one, other) in product(
        ("LSTM", "GRU"),
        (("relu", "sigmoid"), ("tanh", "hard_sigmoid"), ("sigmoid", "tanh"), ("softmax", "softmax"),
         ("linear", "sigmoid"), ("gelu", "hard_silu")),
    ):  # fmt: skip
        arguments = f"activation='{one}', recurrent_activation='{other}'"
        stacks.append([SEQUENCE, f"{cell}(4, {arguments}, return_sequences=True)"])
    stacks += [
        [SEQUENCE, f"SimpleRNN(4, activation='{name}')"] for name in ("relu", "linear", "elu")
    ]
    stacks.append([SEQUENCE, "GRU(4, activation='relu', reset_after=False)"])
    return stacks


def _wrappers() -> list[list[str]]:
    stacks = []
    modes = ("'concat'", "'sum'", "'mul'", "'ave'", "None")
    for mode, (cell, arguments) in product(
        modes, (("LSTM", "return_sequences=True"), ("GRU", "return_state=True"), ("SimpleRNN", ""))
    ):
        stacks.append([SEQUENCE, f"Bidirectional({cell}(4, {arguments}), merge_mode={mode})"])
    stacks += [
        [SEQUENCE, "Bidirectional(LSTM(4, return_sequences=True, return_state=True))"],
        [SEQUENCE, "Bidirectional(LSTM(4), backward_layer=GRU(4, go_backwards=True))"],
        [SEQUENCE, "Bidirectional(RNN(GRUCell(4), return_sequences=True))"],
        [SEQUENCE, "RNN(SimpleRNNCell(4))"],
        [SEQUENCE, "RNN(LSTMCell(4), return_sequences=True, return_state=True)"],
        [SEQUENCE, "RNN(GRUCell(4, reset_after=False), go_backwards=True)"],
        [SEQUENCE, "RNN([LSTMCell(4), GRUCell(5)], return_sequences=True)"],
        [SEQUENCE, "RNN([SimpleRNNCell(4), SimpleRNNCell(2)], return_state=True)"],
        [SEQUENCE, "RNN([GRUCell(4), LSTMCell(3)], go_backwards=True, return_sequences=True)"],
        [SEQUENCE, "TimeDistributed(Dense(5, activation='relu'))"],
        ["Input((4, 7, 3))", "TimeDistributed(LSTM(4))"],
        ["Input((4, 7, 3))", "TimeDistributed(Bidirectional(GRU(2)))", "LSTM(3)"],
        ["Input((4, 7, 3))", "TimeDistributed(Conv1D(2, 3))", "TimeDistributed(Flatten())"],
    ]
    return stacks


def _masks() -> list[list[str]]:
    embedding = "Embedding(9, 3, mask_zero=True)"
    heads = (
        ["LSTM(4)"],
        ["GRU(4, return_sequences=True)"],
        ["SimpleRNN(4, return_sequences=True, go_backwards=True)"],
        ["LSTM(4, return_sequences=True, zero_output_for_mask=True)"],
        ["LSTM(4, go_backwards=True, return_state=True)"],
        ["Bidirectional(LSTM(4, return_sequences=True))"],
        ["Bidirectional(GRU(4))"],
        ["Bidirectional(SimpleRNN(4, return_sequences=True), merge_mode='sum')", "LSTM(3)"],
        ["LSTM(4, return_sequences=True)", "Dropout(0.5)", "LSTM(3)"],
        ["TimeDistributed(Dense(4))", "GRU(3)"],
        ["Dense(4)", "LayerNormalization()", "LSTM(3)"],
        ["GlobalAveragePooling1D()"],
        ["GlobalMaxPooling1D()"],
        ["Conv1D(4, 2)", "LSTM(3)"],
        ["RNN([LSTMCell(4), GRUCell(3)], return_sequences=True)"],
        [
            "LSTM(4, return_sequences=True)",
            "GlobalAveragePooling1D()",
            "Dense(2, activation='softmax')",
        ],
    )
    stacks = [[TOKENS, embedding, *head] for head in heads]
    stacks += [
        [SEQUENCE, "Masking()", "LSTM(4)"],
        [SEQUENCE, "Masking(mask_value=0.0)", "Bidirectional(GRU(4, return_sequences=True))"],
    ]
    return stacks


def _plain() -> list[list[str]]:
    image = "Input((6, 5, 2))"
    return [
        [VECTOR, "Dense(3)"],
        [SEQUENCE, "Dense(3, activation='tanh', use_bias=False)"],
        [TOKENS, "Embedding(9, 4)", "LSTM(3)", "Dense(2, activation='softmax')"],
        [SEQUENCE, "SpatialDropout1D(0.2)", "GaussianNoise(1.0)", "GaussianDropout(0.3)", "GRU(2)"],
        [SEQUENCE, "LayerNormalization()"],
        [SEQUENCE, "LayerNormalization(axis=[1, 2], center=False, epsilon=0.1)"],
        [SEQUENCE, "BatchNormalization()"],
        [SEQUENCE, "BatchNormalization(axis=1, scale=False, epsilon=0.01)"],
        [SEQUENCE, "GroupNormalization(groups=3)"],
        [SEQUENCE, "UnitNormalization()"],
        [SEQUENCE, "Flatten()", "Dense(2)"],
        [SEQUENCE, "Reshape((3, 7))"],
        [SEQUENCE, "Reshape((-1, 1))"],
        [SEQUENCE, "Permute((2, 1))"],
        [VECTOR, "RepeatVector(4)", "LSTM(3, return_sequences=True)", "TimeDistributed(Dense(1))"],
        [SEQUENCE, "UpSampling1D(3)"],
        [SEQUENCE, "ZeroPadding1D((1, 2))"],
        [SEQUENCE, "Cropping1D((2, 1))"],
        [SEQUENCE, "Conv1D(4, 3)"],
        [SEQUENCE, "Conv1D(4, 3, padding='same', strides=2, activation='relu')"],
        [SEQUENCE, "Conv1D(4, 2, padding='causal', dilation_rate=2, use_bias=False)"],
        ["Input((7, 4))", "Conv1D(6, 3, groups=2)"],
        [SEQUENCE, "SeparableConv1D(4, 3, depth_multiplier=2)"],
        [SEQUENCE, "MaxPooling1D()"],
        [SEQUENCE, "MaxPooling1D(3, strides=2, padding='same')"],
        [SEQUENCE, "AveragePooling1D(2)"],
        [SEQUENCE, "AveragePooling1D(3, strides=1, padding='same')"],
        [SEQUENCE, "GlobalMaxPooling1D()"],
        [SEQUENCE, "GlobalAveragePooling1D(keepdims=True)"],
        [SEQUENCE, "MaxPooling1D(2, data_format='channels_first')"],
        [image, "Conv2D(3, (3, 2), strides=(2, 1))"],
        [image, "Conv2D(3, 3, padding='same', dilation_rate=2, activation='relu')"],
        [image, "MaxPooling2D()", "Flatten()"],
        [image, "AveragePooling2D((2, 3), padding='same')"],
        [image, "GlobalMaxPooling2D()"],
        [image, "GlobalAveragePooling2D()"],
        [image, "ZeroPadding2D(((1, 0), (2, 1)))", "Cropping2D(1)"],
        [SEQUENCE, "ReLU(max_value=0.5, negative_slope=0.1, threshold=0.2)"],
        [SEQUENCE, "LeakyReLU()"],
        [SEQUENCE, "ELU(0.7)"],
        [SEQUENCE, "PReLU()"],
        [SEQUENCE, "PReLU(shared_axes=[1])"],
        [SEQUENCE, "Softmax()"],
        [SEQUENCE, "Softmax(axis=1)"],
        [SEQUENCE, "Rescaling(2.0, offset=1.0)"],
        [SEQUENCE, "ActivityRegularization(0.1)", "AlphaDropout(0.1)", "Masking()"],
        [SEQUENCE, "LSTM(4, return_sequences=True)", "LSTM(4, return_sequences=True)", "LSTM(2)"],
        [SEQUENCE, "LSTM(4, name='first', return_sequences=True)", "LSTM(3)", "Dense(2)",
         "Dense(1)"],
        [SEQUENCE, "LSTM(4, trainable=False)", "BatchNormalization(trainable=False)", "Dense(1)"],
    ]  # fmt: skip


def _windows() -> list[list[str]]:
    """Convolutions, pools and borders over steps, images and volumes."""
    image, volume = "Input((6, 5, 4))", "Input((4, 5, 3, 2))"
    first = "data_format='channels_first'"
    return [
        [SEQUENCE, "Conv1DTranspose(4, 3)"],
        [SEQUENCE, "Conv1DTranspose(4, 2, strides=3, padding='valid')"],
        [SEQUENCE, "Conv1DTranspose(4, 3, strides=2, padding='same', activation='relu')"],
        [SEQUENCE, "Conv1DTranspose(4, 3, strides=2, padding='same', output_padding=1)"],
        [SEQUENCE, "Conv1DTranspose(4, 3, dilation_rate=2, use_bias=False)"],
        [image, "Conv2DTranspose(3, (3, 2), strides=(2, 1), padding='same')"],
        [image, "Conv2DTranspose(3, 4, strides=2)"],
        [volume, "Conv3D(3, 2, strides=(1, 2, 1), padding='same')"],
        [volume, "Conv3DTranspose(3, 2, strides=2)"],
        [image, "Conv2D(6, 3, groups=2, padding='same')"],
        [SEQUENCE, "DepthwiseConv1D(3, depth_multiplier=2, padding='same')"],
        [image, "DepthwiseConv2D((2, 3), strides=2, depth_multiplier=2)"],
        [image, "SeparableConv2D(5, 3, padding='same', activation='tanh')"],
        [SEQUENCE, f"AveragePooling1D(2, padding='same', {first})"],
        [volume, "MaxPooling3D((2, 1, 2), padding='same')"],
        [volume, "AveragePooling3D(2, strides=1)"],
        [volume, "GlobalMaxPooling3D(keepdims=True)"],
        [volume, "GlobalAveragePooling3D()"],
        [SEQUENCE, "AdaptiveAveragePooling1D(3)"],
        [SEQUENCE, "AdaptiveMaxPooling1D(4)"],
        [image, "AdaptiveAveragePooling2D((4, 2))"],
        [image, "AdaptiveMaxPooling2D(3)"],
        [volume, "AdaptiveAveragePooling3D((2, 3, 2))"],
        [volume, "ZeroPadding3D(((1, 0), (0, 2), (1, 1)))"],
        [volume, "Cropping3D(((1, 0), (0, 2), (1, 1)))"],
        [volume, "UpSampling3D((1, 2, 3))"],
        [image, f"ZeroPadding2D((1, 2), {first})", f"Cropping2D(((1, 0), (2, 1)), {first})"],
        *[[image, f"UpSampling2D((2, 3), interpolation='{method}')"]
          for method in ("bilinear", "bicubic", "lanczos3", "lanczos5")],
        [image, "Resizing(9, 4)"],
        [image, "Resizing(3, 7, interpolation='nearest')"],
        [image, "Resizing(4, 11, interpolation='bicubic')"],
    ]  # fmt: skip


def _others() -> list[list[str]]:
    return [
        [SEQUENCE, "RMSNormalization()"],
        [SEQUENCE, "RMSNormalization(epsilon=0.01)"],
        [SEQUENCE, "BatchNormalization(renorm=True)"],
        [SEQUENCE, "LayerNormalization(rms_scaling=True)"],
        [TOKENS, "Embedding(9, 3, mask_zero=True)", "Identity()", "Rescaling(2.0)", "LSTM(2)"],
        [SEQUENCE, "EinsumDense('abc,cd->abd', output_shape=(7, 4), bias_axes='d')"],
        [SEQUENCE, "EinsumDense('...x,xy->...y', output_shape=4, bias_axes='y', "
                   "activation='tanh')"],
        [SEQUENCE, "EinsumDense('abc,cde->abde', output_shape=(7, 2, 5), bias_axes='e')"],
        [SEQUENCE, "EinsumDense('abc,bcd->abd', output_shape=(7, 4))"],
        [SEQUENCE, "Conv1D(4, 3, padding='causal')", "LSTM(2)"],
        [SEQUENCE, "Conv1D(4, 3, padding='causal', dilation_rate=2)", "GRU(2)"],
    ]  # fmt: skip


def _inner() -> list[list[str]]:
    """Layers in layers, layers as activations, adapters, and recurrent layers of images."""
    return [
        [SEQUENCE, "SpectralNormalization(Dense(3))"],
        [SEQUENCE, "SpectralNormalization(Conv1D(3, 2), power_iterations=2)"],
        [SEQUENCE, "TimeDistributed(EinsumDense('ab,bc->ac', 4))"],
        [VECTOR, "Dense(4, activation=LeakyReLU(0.2))", "Dense(3, activation=Softmax())"],
        [SEQUENCE, "Conv1D(4, 2, activation=ELU(0.5))", "Activation(ReLU(1.0))"],
        [SEQUENCE, "GRU(4, activation=LeakyReLU(0.1), return_sequences=True)"],
        [SEQUENCE, "Conv1D(3, 2, lora_rank=2)", "Dense(4, lora_rank=2, lora_alpha=3)"],
        [TOKENS, "Embedding(9, 4, lora_rank=2)"],
        [SEQUENCE, "EinsumDense('abc,cd->abd', (7, 5), lora_rank=2)"],
        [TOKENS, "ReversibleEmbedding(9, 4)"],
        [TOKENS, "ReversibleEmbedding(9, 4, tie_weights=False)", "LSTM(2)"],
        ["Input((4, 6, 3))", "ConvLSTM1D(3, 2, return_sequences=True)"],
        ["Input((4, 6, 3))", "ConvLSTM1D(3, 2, padding='same', go_backwards=True)"],
        ["Input((4, 5, 4, 2))", "ConvLSTM2D(3, 2, strides=2, return_state=True)"],
        ["Input((4, 5, 4, 2))", "ConvLSTM2D(2, (2, 3), dilation_rate=2, padding='same', "
                                "use_bias=False, recurrent_activation='hard_sigmoid')"],
        ["Input((3, 4, 3, 3, 2))", "ConvLSTM3D(2, 2)"],
    ]  # fmt: skip


def _raw() -> list[list[str]]:
    """Layers that take what is not yet made of features."""
    sound, photo = "Input((64, 2))", "Input((8, 6, 3))"
    modes = ("int", "one_hot", "multi_hot", "count")
    lookup = "IntegerLookup(vocabulary=[2, 5, 3]"
    stacks = [[TOKENS, f"CategoryEncoding(9, output_mode='{mode}')"] for mode in modes[1:]]
    for mode in modes:
        stacks += [
            [VECTOR, f"Discretization([-1.0, 0.0, 0.5], output_mode='{mode}')"],
            [TOKENS, f"Hashing(5, output_mode='{mode}')"],
            [TOKENS, f"{lookup}, output_mode='{mode}')"],
            [TOKENS, f"{lookup}, output_mode='{mode}')", "Dense(2)"],
        ]
    return [
        *stacks,
        [TOKENS, "Hashing(1000, salt=[133, 137])"],
        [TOKENS, "Hashing(5, mask_value=0)"],
        [TOKENS, f"{lookup}, mask_token=0, num_oov_indices=2)"],
        [TOKENS, f"{lookup}, num_oov_indices=3, oov_method='farmhash')"],
        [TOKENS, f"{lookup}, invert=True)"],
        [TOKENS, f"{lookup}, output_mode='tf_idf', idf_weights=[0.5, 0.2, 0.1])"],
        [SEQUENCE, "Normalization(mean=[1.0, 2.0, 3.0], variance=[1.0, 2.0, 4.0], invert=True)"],
        *[[sound, f"STFTSpectrogram({arguments})"] for arguments in (
            "'log', 16", "'magnitude', 16, 4, padding='same'", "'psd', 16, 8, 32, scaling=None",
            "'angle', 16", "'stft', 16, expand_dims=True", "'imag', 16, window='hamming'")],
        ["Input((300,))", "MelSpectrogram(64, 32, sampling_rate=800, num_mel_bins=6, "
                          "min_freq=5.0)"],
        ["Input((300,))", "MelSpectrogram(64, 20, 40, window='hamming', sampling_rate=800, "
                          "num_mel_bins=4, power_to_db=False)"],
        [photo, "CenterCrop(5, 3)"],
        [photo, "CenterCrop(9, 3)"],
        [photo, "Resizing(3, 7, crop_to_aspect_ratio=True)"],
        [photo, "Resizing(9, 4, pad_to_aspect_ratio=True, fill_value=0.5)"],
        [photo, "Resizing(3, 3, interpolation='bicubic', antialias=True)"],
        [photo, "AutoContrast((0, 1))"],
        [photo, "ContrastLimitedAdaptiveHistogramEqualization((0, 1), tile_grid_size=(2, 3))"],
        [photo, "Pipeline([RandomFlip(), Rescaling(0.5)])", "RandomRotation(0.2)",
         "RandomZoom(0.1)"],
    ]  # fmt: skip


def _lists() -> list[list[str]]:
    """Layers that take all tensors of the one before, and give as many."""
    whole = "LSTM(4, return_sequences=True, return_state=True)"
    return [
        *[[SEQUENCE, whole, layer] for layer in (
            "Dropout(0.5)", "Identity()", "GaussianNoise(0.1)", "ActivityRegularization(0.1)")],
        [SEQUENCE, "Bidirectional(GRU(4, return_state=True))", "Dropout(0.5)", "AlphaDropout(0.5)"],
        [SEQUENCE, "LSTM(4, return_state=True)", "GaussianDropout(0.5)", "Add()"],
        [SEQUENCE, "LSTM(4, return_state=True)", "Dropout(0.5)", "Concatenate()", "Dense(2)"],
    ]  # fmt: skip


def _both_ways() -> list[list[str]]:
    """Bidirectionals whose layers multiply by convolutions."""
    films = "Input((4, 5, 6, 3))"
    return [
        *[[films, f"Bidirectional(ConvLSTM2D(2, 2{arguments}), merge_mode={mode})"]
          for arguments in ("", ", return_sequences=True", ", return_state=True, padding='same'")
          for mode in ("'concat'", "'sum'", "None")],
        [films, "Bidirectional(ConvLSTM2D(2, 2, return_sequences=True))",
         "ConvLSTM2D(1, 2)"],
        ["Input((4, 5, 3))", "Bidirectional(ConvLSTM1D(2, 2, strides=2, use_bias=False), "
                             "merge_mode='mul')"],
        ["Input((3, 3, 4, 3, 2))", "Bidirectional(ConvLSTM3D(2, 2), merge_mode='ave')"],
    ]  # fmt: skip


STACKS = [
    *_cells(), *_activations(), *_wrappers(), *_masks(), *_plain(), *_windows(), *_others(),
    *_inner(), *_raw(), *_lists(), *_both_ways(),
]  # fmt: skip
