"""`--layer` expressions and their mutations. A stack is one expression per line."""

import re
from random import Random

STACKS = (
    "Input((100, 32))\nLSTM(64, return_sequences=True)\nDense(10, activation='softmax')",
    "Input((None, 8))\nBidirectional(GRU(8, return_sequences=True), merge_mode='sum')\nLSTM(4)",
    "keras.layers.Input(shape=(20,))\nEmbedding(1000, 16, mask_zero=True)\ntf.keras.layers.GRU(8)",
    "InputLayer(batch_shape=(2, 10, 3))\nTimeDistributed(Dense(4))\nFlatten()\nDense(1)",
    "Input((10, 4))\nRNN([LSTMCell(3), GRUCell(5)], return_state=True)",
    "Input((10, 4))\nRNN(SimpleRNNCell(3), return_sequences=True, go_backwards=True)",
    "Input((28, 28, 1))\nConv2D(8, (3, 3), padding='same')\nMaxPooling2D((2, 2))\nFlatten()",
    "Input((50, 4))\nConv1D(8, 5, dilation_rate=2)\nBatchNormalization()\nGRU(3, None)",
    "Input((5, 8, 8, 3))\nConvLSTM2D(4, 3, return_sequences=True)\nGlobalAveragePooling3D()",
    "LSTM(8, input_shape=(10, 2))\nRepeatVector(5)\nReshape((5, 2, 4))\nPermute((2, 1, 3))",
    "Input((4,))\nDense(3, name='a')\nDropout(0.5)\nLayerNormalization()\nConcatenate()",
    "Masking(0.0, batch_input_shape=(3, 7, 2))\nSimpleRNN(2, unroll=True, use_bias=False)",
)  # fmt: skip
ODD = (
    "0", "-1", "1e9", "nan", "1j", "None", "True", "9" * 400, "10**9**9", "2**53", "'x'", "b'x'",
    "()", "(None,)", "[]", "{}", "{1: 2}", "{*()}", "...", "f'{1}'", "lambda: 0", "x", "*x", "**x",
    "__import__('os').system('touch CANARY')", "(" * 300, "[" * 150 + "]" * 150, "-" * 400 + "1",
    "'\\x1b[31m'", "'\ud800'", "\0", "\n", "'\\d'", "1if 1else 2", "(1)(2)", "units=3",
    "name='lstm'", "name=1", "input_shape=(1, 2)", "input_shape=3", "batch_input_shape=[None]",
    "batch_size='a'", "LSTM(3)", "Dense", "Input((2, 3))", "GRU(units=4, units=4)", "(10, None)",
    "1_000", "0x10", "1 + 2", "x.y.z", "(yield)", "await x", "a := 1", "Lambda(lambda x: x)",
)  # fmt: skip
_TOKEN = re.compile(r"\w+|'[^']*'|.", re.DOTALL)


def mutated_stack(stack: str, rng: Random) -> str:
    """Return a stack with tokens removed, repeated, moved or replaced, or its lines in another
    order."""
    lines = stack.split("\n")
    for _ in range(rng.choice((1, 1, 1, 2, 3))):
        at = rng.randrange(len(lines))
        action = rng.randrange(12)
        if action == 0:
            rng.shuffle(lines)
        elif action == 1:
            lines.insert(at, rng.choice(rng.choice(STACKS).split("\n")))
        elif action == 2 and len(lines) > 1:
            del lines[at]
        elif action == 3:
            kind = rng.choice(("Bidirectional", "TimeDistributed", "RNN", "Dense"))
            lines[at] = f"{kind}(" * rng.choice((1, 2, 40)) + lines[at] + ")"
        else:
            lines[at] = _line(lines[at], rng)
    return "\n".join(lines)


def _line(line: str, rng: Random) -> str:
    tokens = _TOKEN.findall(line) or ["x"]
    at = rng.randrange(len(tokens))
    action = rng.randrange(8)
    if action == 0:
        del tokens[at]
    elif action == 1:
        tokens.insert(at, rng.choice(tokens))
    elif action == 2:
        tokens[at] = rng.choice(tokens)
    elif action == 3:
        tokens.insert(at, rng.choice(ODD))
    elif action == 4:
        closing = line.rfind(")")
        return f"{line[:closing]}, {rng.choice(ODD)})" if closing > 0 else line
    else:
        values = [i for i, token in enumerate(tokens) if token[:1].isdigit() or token[:1] == "'"]
        tokens[rng.choice(values or [at])] = rng.choice(ODD)
    return "".join(tokens)
