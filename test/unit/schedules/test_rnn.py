"""The schedules of recurrences against `nn.rnn`'s meaning, in the simulator: kinds of cells, options, types, sizes, lengths."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pytest

SCHEDULES = ("rnn_lanes", "rnn_resident", "rnn_streamed")
GATES = {"lstm": 4, "gru": 3, "rnn": 1}
FUNCTIONS = {"lstm": ("sigmoid", "tanh", "tanh"), "gru": ("sigmoid", "tanh"), "rnn": ("tanh",)}
HEAD = """builtin.module attributes {kernel.target = #kernel.target<"sm_90a", sms = 132, smem = 232448>,
  nn.symbols = {N = array<i64: 1, 2, 5>, T = array<i64: 1, 3, 9>}} {\n"""


def recurrence(
    kind: str,
    units: int,
    *,
    steps: int | str = 4,
    batch: int | str = 3,
    direction: str = "forward",
    element: str = "f32",
    weights: str | None = None,
    result: str | None = None,
    given: Sequence[str] = ("hidden", "cell"),
    length: str = "i32",
    functions: Sequence[str] = (),
    parameters: Sequence[tuple[float, float]] = (),
    flags: str = "",
) -> str:
    """A module with one outlined group @g; `given`: the optional operands."""
    d, gates = 2 if direction == "bidirectional" else 1, GATES[kind]
    more_rows = 0 if "without_last" in flags else 1 + (kind == "lstm")
    rows = steps + more_rows if isinstance(steps, int) else f"{steps} + {more_rows}"

    def tensor(dims: Sequence[int | str], type_: str) -> str:
        if all(isinstance(extent, int) for extent in dims):
            return f"tensor<{'x'.join(map(str, dims))}x{type_}>"
        sizes = "x".join(str(e) if isinstance(e, int) else "?" for e in dims)
        return f"tensor<{sizes}x{type_}, #nn.dims<{', '.join(map(str, dims))}>>"

    x, w = tensor([steps, batch, d, gates * units], element), tensor([d, gates * units, units], weights or element)
    optional = {
        "hidden": tensor([d, batch, units], element),
        "cell": tensor([d, batch, units], element),
        "lengths": tensor([batch], length),
        "bias": tensor([d, units], element),
        "peepholes": tensor([d, 3 * units], element),
        "scales": tensor([d, 4 * units], "f32"),
    }
    more = [(name, optional[name]) for name in optional if name in given and not (name == "cell" and kind != "lstm")]
    names = functions or FUNCTIONS[kind]
    numbers = parameters or [(0.0, 0.0)] * len(names)
    alphas, betas = (", ".join(repr(pair[i]) for pair in numbers) for i in range(2))
    y = tensor([rows, batch, d, units], result or element)
    arguments = ", ".join(f"%{name}: {type_}" for name, type_ in [("x", x), ("w", w), *more])
    quoted = ", ".join(f'"{name}"' for name in names)
    return f"""{HEAD}func.func private @g({arguments}) -> {y} attributes {{fusion.anchor = "rnn"}} {{
      %0 = nn.rnn {kind} {direction} %x, %w {" ".join(f"{name} %{name}" for name, _ in more)} {{activations = [{quoted}],
        alphas = array<f64: {alphas}>, betas = array<f64: {betas}>{flags}}}
        : {x}, {w} {" ".join(f"{name} {type_}" for name, type_ in more)} -> {y}
      func.return %0 : {y}
    }}
    }}"""


OPTIONS = {
    "lstm": dict(kind="lstm", given=("hidden", "cell", "lengths", "peepholes"), direction="bidirectional"),
    "lstm-coupled": dict(kind="lstm", given=("cell", "peepholes"), direction="reverse", flags=", coupled, clip = 0.5 : f64"),
    "gru": dict(kind="gru", given=("hidden", "lengths"), direction="bidirectional"),
    "gru-reset-after": dict(kind="gru", given=("hidden", "bias", "lengths"), flags=", reset_after", length="i64"),
    "gru-reset-after-plain": dict(kind="gru", given=(), direction="reverse", flags=", reset_after, clip = 0.3 : f64"),
    "rnn": dict(kind="rnn", given=("lengths",), direction="bidirectional", length="i64"),
}  # fmt: skip


@pytest.mark.parametrize("schedule", SCHEDULES)
@pytest.mark.parametrize("name", OPTIONS)
def test_options(check_group, name: str, schedule: str) -> None:
    """Lengths below 0, of 0, in between and beyond the last step."""
    options = OPTIONS[name]
    given = [
        o
        for o in ("hidden", "cell", "lengths")
        if o in options["given"] and not (o == "cell" and options["kind"] != "lstm")
    ]
    lengths = np.array([2, 0, -1, 9, 4], np.int64 if options.get("length") == "i64" else np.int32)
    inputs = {2 + given.index("lengths"): lengths} if "lengths" in given else {}
    check_group(
        recurrence(units=16, batch=5, **options),
        schedule,
        inputs=inputs,
        tolerance=2e-5,
        threads=schedule == "rnn_lanes",
    )


@pytest.mark.parametrize("schedule", SCHEDULES)
@pytest.mark.parametrize("element", ["f16", "bf16", "f64"])
@pytest.mark.parametrize("kind", GATES)
def test_types(check_group, refusal, kind: str, element: str, schedule: str) -> None:
    text = recurrence(kind, 32, element=element)
    if (schedule, element) == ("rnn_lanes", "f64"):
        assert "32 bits" in refusal(text, schedule)
        return
    check_group(text, schedule, tolerance={"f16": 4e-3, "bf16": 3e-2, "f64": 1e-12}[element], threads=False)


@pytest.mark.parametrize("schedule", SCHEDULES)
def test_narrow_weights_and_result(check_group, schedule: str) -> None:
    """What `materialise-storage` makes of f32: inputs and states wide or not, weights narrow."""
    check_group(recurrence("lstm", 32, weights="f16", result="bf16"), schedule, tolerance=1e-2, threads=False)


@pytest.mark.parametrize("schedule", SCHEDULES)
@pytest.mark.parametrize("kind", ["lstm", "gru"])
def test_without_last_states(check_group, kind: str, schedule: str) -> None:
    text = recurrence(kind, 16, batch=5, direction="bidirectional", flags=", without_last")
    check_group(text, schedule, tolerance=2e-5, threads=False)


@pytest.mark.parametrize("schedule", SCHEDULES)
def test_tf32(check_group, schedule: str) -> None:
    check_group(recurrence("gru", 32, flags=", math = #nn.math<tf32>"), schedule, tolerance=2e-3, threads=False)


@pytest.mark.parametrize(
    ("kind", "units", "batch"),
    [
        ("lstm", 1, 4),
        ("gru", 3, 1),
        ("rnn", 7, 33),
        ("lstm", 8, 33),
        ("gru", 33, 33),
        ("rnn", 65, 1),
        ("lstm", 130, 1),
        ("gru", 130, 4),
    ],
)
def test_sizes(check_group, refusal, kind: str, units: int, batch: int) -> None:
    text = recurrence(kind, units, batch=batch, steps=3, direction="reverse", given=("hidden",))
    for schedule in SCHEDULES:
        if schedule == "rnn_resident" and units % 4:
            assert "shares evenly" in refusal(text, schedule)
            continue
        check_group(text, schedule, tolerance=3e-5, threads=False)


@pytest.mark.parametrize("schedule", SCHEDULES)
@pytest.mark.parametrize(("steps", "batch"), [(1, 1), (9, 5), (2, 3)])
def test_dynamic(check_group, schedule: str, steps: int, batch: int) -> None:
    text = recurrence("lstm", 16, steps="T", batch="N", direction="bidirectional", given=("hidden", "cell", "lengths"))
    lengths = np.arange(batch, dtype=np.int32) * 2
    choices = check_group(
        text, schedule, inputs={4: lengths}, tolerance=2e-5, threads=False, T=steps, N=batch
    )  # fmt: skip
    assert choices


ACTIVATIONS = {
    "affine": (0.7, 0.1), "elu": (1.5, 0.0), "hard_sigmoid": (0.3, 0.4), "leaky_relu": (0.1, 0.0), "relu": (0.0, 0.0),
    "scaled_tanh": (0.9, 1.2), "sigmoid": (0.0, 0.0), "softplus": (0.0, 0.0), "softsign": (0.0, 0.0), "tanh": (0.0, 0.0),
    "thresholded_relu": (0.6, 0.0),
}  # fmt: skip


@pytest.mark.parametrize("name", ACTIVATIONS)
def test_activations(check_group, name: str) -> None:
    """Also of infinities and NaN, which reach their own sequence only."""
    rng = np.random.default_rng(3)
    x = rng.standard_normal((2, 4, 1, 8)).astype(np.float32)
    x[:, 1, 0, :3] = np.inf, -np.inf, np.nan
    w = (0.1 * rng.standard_normal((1, 8, 8))).astype(np.float32)
    text = recurrence("rnn", 8, steps=2, batch=4, given=(), functions=[name], parameters=[ACTIVATIONS[name]])
    check_group(text, "rnn_streamed", inputs={0: x, 1: w}, tolerance=1e-5)
    check_group(text, "rnn_lanes", inputs={0: x, 1: w}, tolerance=1e-5)


def test_large_inputs_saturate(check_group) -> None:
    x = np.full((3, 2, 1, 64), 1e30, np.float32) * np.where(np.arange(64) % 2, 1, -1).astype(np.float32)
    text = recurrence("lstm", 16, steps=3, batch=2)
    for schedule in SCHEDULES:
        check_group(text, schedule, inputs={0: x}, tolerance=2e-5, threads=False)


def test_no_step_gives_the_initial_states(check_group) -> None:
    text = recurrence("lstm", 16, steps=0, batch=2, direction="bidirectional")
    for schedule in SCHEDULES:
        check_group(text, schedule, exact=True, threads=False)


def test_weights_that_do_not_fit_are_refused(refusal) -> None:
    assert "fit the registers of 132 SMs" in refusal(recurrence("lstm", 4096), "rnn_lanes")
    assert "run at once" in refusal(recurrence("lstm", 4100), "rnn_resident")


@pytest.mark.parametrize(
    ("units", "batch", "steps", "options"),
    [
        (16, 5, 4, dict(direction="bidirectional", given=("hidden", "cell", "lengths", "peepholes", "scales"))),
        (8, 1, 3, dict(direction="reverse", given=("scales",), flags=", coupled, clip = 0.5 : f64")),
        (1, 3, 2, dict(given=("hidden", "scales"))),
        (33, 33, 2, dict(given=("hidden", "scales"))),
        (130, 2, 2, dict(direction="bidirectional", given=("hidden", "cell", "scales"))),
        (64, 16, 2, dict(given=("hidden", "scales"))),
        (16, 4, 3, dict(given=("hidden", "scales"), element="f16", result="f32")),
    ],
)
@pytest.mark.parametrize("schedule", SCHEDULES)
def test_quantized(check_group, refusal, schedule: str, units: int, batch: int, steps: int, options: dict) -> None:
    """Weights of all integers from -255 to 255, and states of uneven ranges: one of zeros, one above and one below 0."""
    text = recurrence("lstm", units, batch=batch, steps=steps, weights="f16", **options)
    if schedule == "rnn_resident" and units % 4:
        assert "shares evenly" in refusal(text, schedule)
        return
    rng, d = np.random.default_rng(units), 2 if options.get("direction") == "bidirectional" else 1
    element = np.float16 if options.get("element") == "f16" else np.float32
    given = [o for o in ("hidden", "cell", "lengths", "peepholes", "scales") if o in options["given"]]
    scales = rng.uniform(0.5, 1.5, (d, 4 * units)) * 0.02 / np.sqrt(units)
    inputs = {
        1: rng.integers(-255, 256, (d, 4 * units, units)).astype(np.float16),
        2 + given.index("scales"): scales.astype(np.float32),
    }
    if "hidden" in given:
        hidden = rng.standard_normal((d, batch, units))
        hidden[:, 0] = 0
        hidden[:, 1:2], hidden[:, 2:3] = np.abs(hidden[:, 1:2]) + 1, -np.abs(hidden[:, 2:3])
        inputs[2] = hidden.astype(element)
    if "lengths" in given:
        inputs[2 + given.index("lengths")] = np.array([2, 0, -1, 9, 4], np.int32)
    check_group(text, schedule, inputs=inputs, tolerance=2e-6, threads=units <= 16)
