"""The layers that run in `forward.py`, each the same weights and the same input."""

import timeit
from collections.abc import Callable
from typing import Any, NamedTuple

Contender = Callable[[], Any]  # runs once; returns the output of every step


class Size(NamedTuple):
    """The size of a layer and of its input."""

    batch: int
    steps: int
    inputs: int
    units: int


class Layer(NamedTuple):
    """A cell with seeded weights in Keras's layout, and an input."""

    cell: Any
    size: Size
    kernel: Any
    recurrent_kernel: Any
    bias: Any
    x: Any

    def stored(self, layout: str, weights: Any) -> Any:
        """Return the gates of weights `(..., gates * units)` in the order of a framework."""
        import numpy as np

        from rnncli.layers.rnn.weight_layouts import LAYOUTS

        gates = dict(zip(self.cell.gates, np.split(weights, len(self.cell.gates), -1), strict=True))
        order = LAYOUTS[layout].order[self.cell.name]
        return np.concatenate([gates[gate] for gate in order], axis=-1)

    def gates_first(self, layout: str) -> tuple[Any, Any, Any]:
        """Return the weights `(gates * units, inputs)` and the bias rows `(2, gates * units)`."""
        import numpy as np

        rows = np.zeros((2, self.kernel.shape[1]), "float32")
        rows[: self.bias.ndim] = self.bias
        kernels = (
            self.stored(layout, each).T.copy() for each in (self.kernel, self.recurrent_kernel)
        )
        return (*kernels, self.stored(layout, rows))


def layer(cell: Any, size: Size) -> Layer:
    """Return a layer whose states neither vanish nor saturate."""
    import numpy as np

    rng = np.random.default_rng(0)

    def uniform(shape: tuple[int, ...]) -> Any:
        bound = size.units**-0.5
        return rng.uniform(-bound, bound, shape).astype("float32")

    return Layer(
        cell,
        size,
        *(uniform(term.shape(size.inputs, size.units)) for term in cell.weights),
        uniform(cell.bias_shape(size.units)),
        rng.standard_normal((size.batch, size.steps, size.inputs), "float32"),
    )


def products(this: Layer, threads: int) -> Contender:
    """Return the matrix products alone, one of all inputs and one per step of the states.

    The batch comes first or last, whichever is faster.
    """
    import numpy as np

    x = this.x.reshape(-1, this.size.inputs)
    h = np.zeros((this.size.batch, this.size.units), "float32")
    kernel, recurrent_kernel = this.kernel.T.copy(), this.recurrent_kernel.T.copy()
    if this.size.batch == 1:
        h = h[0]
    layouts = (
        ((x, this.kernel), (h, this.recurrent_kernel)),
        ((kernel, x.T), (recurrent_kernel, h.T.copy())),
    )

    def layout(of_inputs: tuple[Any, Any], of_states: tuple[Any, Any]) -> Contender:
        projected, after = np.dot(*of_inputs), np.dot(*of_states)

        def run() -> None:
            np.dot(*of_inputs, projected)
            for _ in range(this.size.steps):
                np.dot(*of_states, after)

        return run

    return min(
        (layout(*each) for each in layouts), key=lambda run: min(timeit.repeat(run, number=1))
    )


def rnncli(this: Layer, threads: int) -> Contender:
    """Return rnncli's recurrence."""
    import numpy as np

    from rnncli.kernels.recurrence import Recurrence

    run = Recurrence(this.cell, this.kernel, this.recurrent_kernel, this.bias)

    def call() -> Any:
        sequence = np.empty((this.size.batch, this.size.steps, this.size.units), "float32")
        run.run(this.x, sequence=sequence)
        return sequence

    return call


def naive(this: Layer, threads: int) -> Contender:
    """Return the cell's description, run step by step."""
    import numpy as np

    from rnncli.kernels.reference import Reference

    weights = {"kernel": this.kernel, "recurrent_kernel": this.recurrent_kernel, "bias": this.bias}
    run = Reference(this.cell, weights)

    def call() -> Any:
        sequence = np.empty((this.size.batch, this.size.steps, this.size.units), "float32")
        run.run(this.x, sequence=sequence)
        return sequence

    return call


def pytorch(this: Layer, threads: int) -> Contender:
    """Return PyTorch's layer."""
    import torch  # noqa: TID251

    torch.set_num_threads(threads)
    kind = {"SimpleRNN": "RNN"}.get(this.cell.name, this.cell.name)
    module = getattr(torch.nn, kind)(this.size.inputs, this.size.units, batch_first=True).eval()
    kernel, recurrent, rows = this.gates_first("torch")
    with torch.no_grad():
        for name, value in zip(("weight_ih", "weight_hh"), (kernel, recurrent), strict=True):
            getattr(module, f"{name}_l0").copy_(torch.from_numpy(value))
        for name, value in zip(("bias_ih", "bias_hh"), rows, strict=True):
            getattr(module, f"{name}_l0").copy_(torch.from_numpy(value))
    x = torch.from_numpy(this.x)

    def run() -> Any:
        with torch.inference_mode():
            return module(x)[0].numpy()

    return run


def onnx_runtime(this: Layer, threads: int) -> Contender:
    """Return ONNX Runtime's operator."""
    import onnxruntime
    from onnx import TensorProto, helper, numpy_helper

    kernel, recurrent, rows = this.gates_first("onnx")
    weights = {"W": kernel[None], "R": recurrent[None], "B": rows.reshape(1, -1)}
    reset = {"linear_before_reset": 1} if this.cell.name == "GRU" else {}
    kind = {"SimpleRNN": "RNN"}.get(this.cell.name, this.cell.name)
    node = helper.make_node(
        kind, ["x", "W", "R", "B"], ["y"], hidden_size=this.size.units, **reset
    )  # fmt: skip
    batch, steps, inputs, units = this.size
    graph = helper.make_graph(
        [node],
        "layer",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, (steps, batch, inputs))],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, (steps, 1, batch, units))],
        [numpy_helper.from_array(value, name) for name, value in weights.items()],
    )
    opset = helper.make_opsetid("", 17)
    model = helper.make_model(graph, opset_imports=[opset], ir_version=8)
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads, options.inter_op_num_threads = threads, 1
    session = onnxruntime.InferenceSession(
        model.SerializeToString(), options, providers=["CPUExecutionProvider"]
    )
    feed = {"x": this.x.transpose(1, 0, 2).copy()}
    return lambda: session.run(None, feed)[0][:, 0].transpose(1, 0, 2)


def keras(this: Layer, threads: int) -> Contender:
    """Return Keras's layer, compiled by TensorFlow."""
    import tensorflow  # noqa: TID251
    from keras import layers  # noqa: TID251

    if tensorflow.config.threading.get_intra_op_parallelism_threads() != threads:
        tensorflow.config.threading.set_intra_op_parallelism_threads(threads)
        tensorflow.config.threading.set_inter_op_parallelism_threads(1)
    made = getattr(layers, this.cell.name)(this.size.units, return_sequences=True)
    made.build(this.x.shape)
    made.set_weights([this.kernel, this.recurrent_kernel, this.bias])
    x, call = tensorflow.constant(this.x), tensorflow.function(made)
    return lambda: call(x).numpy()


CONTENDERS = {
    "products": (products, ()),
    "rnncli": (rnncli, ()),
    "PyTorch": (pytorch, ("torch",)),
    "ONNX RT": (onnx_runtime, ("onnx", "onnxruntime")),
    "Keras": (keras, ("tensorflow", "keras")),
    "naive": (naive, ()),
}
