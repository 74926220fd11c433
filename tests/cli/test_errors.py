"""Every mistake is told in one line that names it, with a hint where there is a fix."""

from typing import Any

import pytest
import typer

from rnncli.cli import COMMANDS, app, main
from rnncli.cli.options import amount, size
from rnncli.graph.expressions import parse_stack
from rnncli.graph.infer import infer
from rnncli.model import Source, sequential

HUGE = "9" * 5000


class Told:
    """What a run printed on stderr: its `error:` line, its `hint:` line, and the place below."""

    def __init__(self, stderr: str) -> None:
        lines = [line for line in stderr.splitlines() if line[:2] != "  "]
        self.where = [line for line in stderr.splitlines() if line[:2] == "  "]
        assert lines and lines[0].startswith("error: "), stderr
        assert [line.partition(" ")[0] for line in lines[1:]] in ([], ["hint:"]), stderr
        self.error = lines[0].removeprefix("error: ")
        self.hint = lines[1].removeprefix("hint: ") if lines[1:] else ""


@pytest.fixture
def refused(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Any:
    """Return a function that runs a line, in this process, and returns how it was refused."""

    def run(*arguments: str) -> Told:
        monkeypatch.setattr("sys.argv", ["rnncli", *arguments])
        with pytest.raises(SystemExit) as left:
            main()
        done = capsys.readouterr()
        assert left.value.code == 2, done.err
        assert done.out == ""
        return Told(done.err)

    return run


def options(kind: str) -> list[tuple[str, str]]:
    """Return each command with each of its options of a kind: size, amount, choice or value."""
    found = []
    group: Any = typer.main.get_command(app)
    context = group.make_context("rnncli", [])
    for command in COMMANDS:
        for each in group.get_command(context, command).params:
            if each.param_type_name != "option" or each.is_flag:
                continue
            parser = getattr(each.type, "func", None)
            kinds = {"size": parser is size, "amount": parser is amount,
                     "choice": hasattr(each.type, "choices"), "value": True}  # fmt: skip
            if kinds[kind]:
                found.append((command, each.opts[-1]))
    return found


@pytest.mark.parametrize("value", ["0", "-1", "3.5", "1e3", "many", "", "nan", "None", HUGE])
@pytest.mark.parametrize(("command", "option"), options("size"))
def test_wrong_sizes(refused: Any, command: str, option: str, value: str) -> None:
    told = refused(command, option, value)
    assert told.error == f"{option}: {value[:40]!r} is not a whole number from 1 to 10^18"
    assert told.hint == f"see rnncli {command} --help"


@pytest.mark.parametrize("value", ["-1", "0.5", "many", "", "nan", "5kk", "1,5M", "1,00", HUGE])
@pytest.mark.parametrize(("command", "option"), options("amount"))
def test_wrong_amounts(refused: Any, command: str, option: str, value: str) -> None:
    told = refused(command, option, value)
    assert told.error.startswith(f"{option}: amount {value[:40]!r} is ")
    assert len(told.error) < 200


@pytest.mark.parametrize(("command", "option"), options("choice"))
def test_wrong_choices(refused: Any, command: str, option: str) -> None:
    told = refused(command, option, "nonsense")
    assert told.error.startswith(f"{option}: 'nonsense' is not one of '")


@pytest.mark.parametrize(("command", "option"), options("value"))
def test_missing_values(refused: Any, command: str, option: str) -> None:
    told = refused(command, option)
    assert told.error == f"option '{option}' requires an argument"
    assert told.hint == f"see rnncli {command} --help"


@pytest.mark.parametrize("command", COMMANDS)
def test_misspelt_options(refused: Any, command: str) -> None:
    told = refused(command, "--formt", "json")
    assert told.error == f"rnncli {command} has no option --formt"
    assert told.hint == "did you mean --format?"


@pytest.mark.parametrize(
    ("typed", "hint"),
    [("sumary", "did you mean summary?"), ("Params", "did you mean params?"),
     ("shape", "did you mean shapes?"), ("forwards", "did you mean forward?"),
     ("zzz", f"commands: {', '.join(COMMANDS)}")],
)  # fmt: skip
def test_misspelt_commands(refused: Any, typed: str, hint: str) -> None:
    told = refused(typed)
    assert told.error == f"rnncli has no command {typed!r}"
    assert told.hint == hint


def test_an_option_before_its_command(refused: Any) -> None:
    told = refused("--units", "3", "summary")
    assert told.error == "rnncli has no option --units"
    assert told.hint == "options come after the command: rnncli summary --units"


@pytest.mark.parametrize(
    ("line", "error", "hint"),
    [
        ("summary --steps x", "--steps: 'x' is neither a", "write --steps none"),
        ("summary --steps 0", "--steps: '0' is neither a", "write --steps none"),
        (f"cost --steps {HUGE}", f"--steps: '{HUGE[:40]}' is neither a whole", "write"),
        ("params --steps=-5", "--steps: '-5' is neither a whole number", "write"),
        ("summary --depth 10001", "--depth: 10001 is more than the 10,000 layers", ""),
        ("summary --units", "option '--units' requires an argument", "see rnncli summary --help"),
        ("params a.h5 b.h5", "rnncli params takes one file, but gets b.h5 too",
         "rnncli summary a.h5 b.h5"),
        ("summary --verbose=3", "option '--verbose' does not take a value", "see rnncli summary"),
        ("forward --seed x", "--seed: 'x' is not a whole number", "see rnncli forward --help"),
        ("forward --seed -1", "--seed: -1 is less than 0", "see rnncli forward --help"),
        ("summary --line-length 0", "--line-length: 0 is not from 1 to 10000", "see "),
        ("summary --line-length 100000000000", "--line-length: 100000000000 is not from", "see "),
        ("summary --merge-mode sum", "--merge-mode sum needs --bidirectional", "add --bidirect"),
        ("summary --bidirectional --merge-mode none --depth 2", "--merge-mode none gives two",
         "leave one of them out"),
        ("params --reset-after", "--reset-after is for GRU, not for SimpleRNN", "add --cell gru"),
        ("params --cell lstm --no-reset-after", "--no-reset-after is for GRU, not for LSTM",
         "add --cell gru"),
        ("params --recurrent-activation tanh", "--recurrent-activation 'tanh' needs a cell with",
         "add --cell lstm or --cell gru"),
        ("summary --activation tan", "--activation: activation 'tan' is not known",
         "did you mean tanh?"),
        ("forward --activation rellu", "--activation: activation 'rellu' is not known",
         "did you mean relu?"),
        ("explain --cell gru --recurrent-activation sigmoyd",
         "--recurrent-activation: activation 'sigmoyd' is not known", "did you mean sigmoid?"),
        ("params --activation zzz", "--activation: activation 'zzz' is not known", "known: celu"),
        ("summary x.h5 --layer LSTM(3)", "the file 'x.h5' and --layer 'LSTM(3)' exclude",
         "leave one of them out"),
        ("summary x.h5 --units 3", "--units describes a layer given by flags and does not go with "
         "the file 'x.h5'", "leave --units out"),
        ("params --layer LSTM(3) --no-return-sequences",
         "--no-return-sequences describes a layer given by flags and does not go with --layer",
         "leave --no-return-sequences out"),
        ("params --layer-name lst --cell lstm", "the model has no layer called 'lst'",
         "did you mean lstm?"),
        ("shapes --layer-name zzz", "the model has no layer called 'zzz'", "it has: simple_rnn"),
        ("forward --steps none", "--steps none: forward needs a length", "give --steps a number"),
        ("check", "check needs a limit", "add --max-params"),
        ("fit", "fit needs a budget", "add --max-params"),
        ("fit --max-params 50k --units 3", "--units is what fit looks for", "leave it out"),
        ("check --output-shape 3,x", "shape '3,x' is not understood", "write it as None,100,64"),
        ("check --output-shape=-3", "shape '-3' has a negative size", "write None"),
        ("summary no-such-file.h5", "no-such-file.h5: No such file or directory", ""),
        ("params .", ".: it is a folder that holds no model", "expected a model"),
    ],
)  # fmt: skip
def test_mistakes(refused: Any, line: str, error: str, hint: str) -> None:
    told = refused(*line.split())
    assert told.error.startswith(error)
    assert told.hint.startswith(hint)
    assert bool(told.hint) == bool(hint)
    assert len(told.error) < 200


@pytest.mark.parametrize(
    "stack", [["LSTM(64)"], ["Dense(3)"], ["Dropout(0.5)"], ["Bidirectional(GRU(8))", "Dense(1)"]]
)
@pytest.mark.parametrize("command", ["params", "shapes", "explain"])
def test_a_stack_without_input(refused: Any, command: str, stack: list[str]) -> None:
    told = refused(command, *(part for text in stack for part in ("--layer", text)))
    assert told.error.startswith("the model has no input shape")
    assert told.hint == 'put --layer "Input((100, 32))" first'


@pytest.mark.parametrize(
    ("expression", "error", "hint"),
    [
        ("", "--layer '': ", "write it as in Keras"),
        ("LSTM(64", "'(' was never closed at column 5", "write it as in Keras"),
        ("LSTM", "'LSTM' at column 1 is not a layer", "write it as in Keras"),
        ("64", "'64' at column 1 is not a layer", "write it as in Keras"),
        ("LTSM(64)", "'LTSM' at column 1 is not a known layer", "did you mean LSTM?"),
        ("os.system('x')", "'os.system' at column 1 is not a known layer", ""),
        ("__import__('os').system('x')", "is not the name of a layer", ""),
        ("LSTM(units=6**9)", "'6**9' at column 12 is neither a literal nor a known layer", ""),
        ("LSTM([x for x in (1,)])", "neither a literal nor a known layer", ""),
        ("LSTM()", "LSTM needs units=", ""),
        ("LSTM(64, unit=3)", "LSTM has no argument 'unit'", "did you mean units?"),
        ("LSTM(64, units=3)", "LSTM gets units twice", ""),
        ("LSTM(**{})", "LSTM has no argument '**'", ""),
        ("LSTM(0)", "LSTM(units=0): must be a whole number of at least 1", ""),
        ("LSTM(-3)", "LSTM(units=-3): must be a whole number of at least 1", ""),
        ("LSTM(2.5)", "LSTM(units=2.5): must be a whole number of at least 1", ""),
        ("LSTM(True)", "LSTM(units=True): must be a whole number of at least 1", ""),
        ("LSTM('64')", "LSTM(units='64'): must be a whole number of at least 1", ""),
        ("LSTM(64, activation='tan')", "activation 'tan' is not known", "did you mean tanh?"),
        ("Bidirectional(64)", "Bidirectional(layer=64): must be a layer", "write it as in Keras"),
        ("Bidirectional(LSTM(64), merge_mode='max')", "must be one of 'concat'", ""),
        ("RNN(LSTM(64))", "must be a cell or a list of cells", "write it as in Keras"),
        ("(" * 5000, "too many nested parentheses", ""),
        ("x" * 20000, "--layer has 20,000 characters; at most 10,000 are read", ""),
        ("LSTM(64)\x00", "null bytes", ""),
        ("LSTM(64)\nDense(3)", "invalid syntax", ""),
        ("LSTM('\x1b[31m')", "LSTM(units='\\x1b[31m')", ""),
    ],
)
def test_wrong_expressions(refused: Any, expression: str, error: str, hint: str) -> None:
    told = refused("summary", "--layer", "Input((100, 32))", "--layer", expression)
    assert error in told.error
    assert told.hint.startswith(hint)
    assert len(told.error) < 300
    assert told.error.isprintable()


@pytest.mark.parametrize(
    ("stack", "error", "hint"),
    [
        (["Input((100, 32))", "LSTM(8)", "LSTM(8)"], "lstm_1 does not fit on lstm",
         "give 'lstm' return_sequences=True"),
        (["Input((100, 32))", "LSTM(8)", "Dropout(0.1)", "GRU(8)"], "gru does not fit on dropout",
         "give 'lstm' return_sequences=True"),
        (["Input((32,))", "LSTM(8)"], "lstm does not fit on input_layer",
         'write --layer "Input((32, 1))" for 32 steps of one feature, or "Input((1, 32))"'),
        (["Input((None,))", "LSTM(8)"], "lstm does not fit on input_layer",
         'write the input as --layer "Input((None, 32))"'),
        (["Input(())", "LSTM(8)"], "lstm does not fit on input_layer",
         'write the input as --layer "Input((100, 32))"'),
        (["Input((100, 32))", "Flatten()", "LSTM(8)"], "lstm does not fit on flatten",
         "leave 'flatten' out: it takes away the axis of steps"),
        (["Input((9, 9, 3))", "Conv2D(4, 3)", "LSTM(8)"], "lstm does not fit on conv2d",
         'put --layer "Reshape((7, 28))" before it'),
        (["Input((None, 9, 3))", "LSTM(8)"], "lstm does not fit on input_layer",
         'put --layer "TimeDistributed(Flatten())" before it'),
        (["Input((9, 3))", "Conv2D(4, 3)"], "conv2d does not fit on input_layer",
         'use Conv1D for sequences, or put --layer "Reshape((9, 3, 1))" before it'),
        (["Input((9, 3))", "LSTM(8, return_state=True)", "Dense(3)"],
         'Layer "dense" expects 1 input(s), but it received 3 input tensors',
         "give 'lstm' return_state=False"),
        (["Input((9, 3))", "GRU(8, return_sequences=True, return_state=True)", "GRU(3)"],
         'Layer "gru_1" expects 1 input(s), but it received 2 input tensors',
         "give 'gru' return_state=False"),
        (["Input((9, 3))", "Bidirectional(LSTM(8), merge_mode=None)", "Dense(3)"],
         'Layer "dense" expects 1 input(s), but it received 2 input tensors',
         "give 'bidirectional' merge_mode='concat'"),
        (["Input((9, 3))", "Bidirectional(LSTM(4), backward_layer=LSTM(5, go_backwards=True), "
          "merge_mode='sum')"],
         "its directions give 4 and 5 features, which merge_mode='sum' cannot merge", ""),
        (["nn.LSTM(3, 4, batch_first=True)", "nn.Linear(5, 2)"], "linear does not fit on lstm",
         "write in_features=4 in 'linear'"),
        (["Input((0, 32))", "LSTM(8)"], "sizes are from 1 to 10^18, or None", "write (100, 32)"),
        (["Input((10000000000000000000, 3))", "LSTM(8)"], "sizes are from 1 to 10^18", "write"),
        (["Input(32)", "LSTM(8)"], "must be a tuple of sizes", "write (100, 32)"),
        (["Input((100, None))", "LSTM(8)"], "LSTM needs the size of its input's last axis",
         "give the last axis of 'input_layer' a size"),
        (["Input((100, 32))", "LSTM(8, name='a')", "Dense(8, name='a')"],
         "two layers are called 'a'", "give each layer a name of its own"),
        (["Input((5, 3))", "LSTM(8)", "Input((4,))"], "Input comes first", "put it first"),
    ],
)  # fmt: skip
def test_layers_that_do_not_fit(refused: Any, stack: list[str], error: str, hint: str) -> None:
    told = refused("params", *(part for text in stack for part in ("--layer", text)))
    assert error in told.error
    assert told.hint.startswith(hint)
    if "does not fit" in error:
        assert "→" in told.where[-1] and told.where[-1].endswith("does not fit")
        assert len(told.where) == len(stack) + stack[0].startswith("nn.")
        assert "(None" in told.where[0]
    for command in ("summary", "shapes", "explain", "cost", "forward"):
        again = refused(command, *(part for text in stack for part in ("--layer", text)))
        assert (again.error, again.hint) == (told.error, told.hint)


def test_an_activation_after_states_is_built_but_not_run(refused: Any) -> None:
    """Keras builds it too, with three outputs, and fails as it runs."""
    parts = ("Input((9, 3))", "LSTM(8, return_state=True)", "Activation('relu')")
    built = infer(sequential(parse_stack(parts), source=Source("layers"))).layers[-1]
    assert built.output_shapes == ((None, 8),) * 3
    stack = [part for text in parts for part in ("--layer", text)]
    assert "it computes one tensor, and gets 3" in refused("forward", *stack).error


def test_a_long_stack_is_shown_up_to_what_does_not_fit(refused: Any) -> None:
    stack = ["--layer", "Input((100, 32))", *["--layer", "LSTM(8, return_sequences=True)"] * 30,
             "--layer", "Flatten()", "--layer", "LSTM(8)"]  # fmt: skip
    told = refused("summary", *stack)
    assert told.where[0].strip() == "24 layers before"
    assert len(told.where) == 10
    assert "(None, 800)" in told.where[-2]


@pytest.mark.parametrize(
    "line",
    [["summary", "--" + "x" * 10_000], ["y" * 10_000], ["params", "--layer-name", "z" * 10_000],
     ["summary", "w" * 3000, "--layer", "LSTM(3)"], ["params", "--activation", "v" * 10_000]],
)  # fmt: skip
def test_long_mistakes_are_told_in_short(refused: Any, line: list[str]) -> None:
    assert len(refused(*line).error) < 400


def test_a_bug_is_told_in_one_line(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*arguments: object, **options: object) -> None:
        raise ZeroDivisionError("on\npurpose")

    monkeypatch.setattr("rnncli.graph.infer.infer", broken)
    monkeypatch.setattr("sys.argv", ["rnncli", "summary"])
    with pytest.raises(SystemExit) as left:
        main()
    assert left.value.code == 70
    told = Told(capsys.readouterr().err)
    assert told.error == "a bug in rnncli (ZeroDivisionError: on)"
    assert "--debug" in told.hint
    monkeypatch.setattr("sys.argv", ["rnncli", "summary", "--debug"])
    with pytest.raises(ZeroDivisionError):
        main()


def test_too_little_memory(refused: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    def hungry(*arguments: object) -> None:
        raise MemoryError

    monkeypatch.setattr("rnncli.graph.infer.infer", hungry)
    assert refused("summary").error == "there is not enough memory for this"
