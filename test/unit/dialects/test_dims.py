"""Dim expressions: canonical forms, text, evaluation and bounds, the last two against plain Python arithmetic."""

import random
from collections.abc import Callable

import pytest

from trtc.dialects.dims import Expr, ceildiv, const, maximum, minimum, parse_expr, parse_exprs, symbol
from trtc.dialects.dims import expr as expr_module

CANONICAL = [
    ("(H + 2 - 3) floordiv 2 + 1", "(H + 1) floordiv 2"),
    ("(2*S) floordiv 2", "S"),
    ("B*S*384 floordiv 384", "B*S"),
    ("(B*S*384) floordiv (S*12)", "32*B"),
    ("(B*S*384 + B*384) floordiv (S + 1)", "384*B"),
    ("(4*S + 6) floordiv 8", "(S + 1) floordiv 2"),
    ("(2*B*S*S) floordiv (12*B)", "(S*S) floordiv 6"),
    ("(4*B + 6) floordiv (2*S)", "(2*B + 3) floordiv S"),
    ("(B*S + 2*B) floordiv (3*B*S + B)", "(S + 2) floordiv (3*S + 1)"),
    ("((H + 1) floordiv 2 + 1) floordiv 2", "(H + 3) floordiv 4"),
    ("N ceildiv 4", "(N + 3) floordiv 4"),
    ("(6*N + M + 7) mod 3", "(M + 1) mod 3"),
    ("(S*T) mod S", "0"),
    ("N - N", "0"),
    ("2*N + 3 - N*2", "3"),
    ("min(S, S + 1, 4, 6)", "min(4, S)"),
    ("max(min(N, 3), min(N, 3))", "min(3, N)"),
    ("(N + 1)*(N - 1)", "N*N - 1"),
    ("7 floordiv 2 + 7 mod 2 + 7 ceildiv 2", "8"),
    ("-7 floordiv 2", "-4"),
]


@pytest.mark.parametrize("text, canonical", CANONICAL)
def test_canonical_form(text: str, canonical: str) -> None:
    assert str(parse_expr(text)) == canonical
    assert parse_expr(text) == parse_expr(canonical)
    assert hash(parse_expr(text)) == hash(parse_expr(canonical))


Function = Callable[[dict[str, int]], int]


def random_expr(source: random.Random, depth: int) -> tuple[Expr, Function]:
    """An expression with the Python function that computes it."""
    if depth == 0 or source.random() < 0.15:
        if source.random() < 0.6:
            return random_symbol(source)
        value = source.randint(-4, 9)
        return const(value), lambda env: value
    a, f = random_expr(source, depth - 1)
    b, g = random_expr(source, depth - 1)
    c, h = random_divisor(source, depth - 1)
    return source.choice([
        (a + b, lambda env: f(env) + g(env)),
        (a - b, lambda env: f(env) - g(env)),
        (a * b, lambda env: f(env) * g(env)),
        (a // c, lambda env: f(env) // h(env)),
        (ceildiv(a, c), lambda env: -(-f(env) // h(env))),
        (a % c, lambda env: f(env) % h(env)),
        (a * c // c, f),
        ((a * c + b) // c, lambda env: f(env) + g(env) // h(env)),
        ((a * c + b) % c, lambda env: g(env) % h(env)),
        (minimum(a, b), lambda env: min(f(env), g(env))),
        (maximum(a, b), lambda env: max(f(env), g(env))),
        (minimum(a, maximum(b, c)), lambda env: min(f(env), max(g(env), h(env)))),
        (maximum(minimum(a, c), minimum(b, a)), lambda env: max(min(f(env), h(env)), min(g(env), f(env)))),
    ])  # fmt: skip


def random_symbol(source: random.Random) -> tuple[Expr, Function]:
    name = source.choice("NHW")
    return symbol(name), lambda env: env[name]


def random_divisor(source: random.Random, depth: int) -> tuple[Expr, Function]:
    """A positive expression, as divisors are: a number, a symbol, or made of symbols."""
    k = source.randint(1, 7)
    a, f = random_symbol(source)
    b, g = random_symbol(source)
    e, h = random_expr(source, max(depth - 1, 0)) if source.random() < 0.3 else (b, g)
    return source.choice([
        (const(k), lambda env: k),
        (const(k), lambda env: k),
        (a, f),
        (a * k, lambda env: f(env) * k),
        (a + k, lambda env: f(env) + k),
        (a * b, lambda env: f(env) * g(env)),
        (a * b + k * a, lambda env: f(env) * (g(env) + k)),
        (ceildiv(a, b), lambda env: -(-f(env) // g(env))),
        (minimum(a, b + k), lambda env: min(f(env), g(env) + k)),
        (maximum(e, k), lambda env: max(h(env), k)),
    ])  # fmt: skip


@pytest.mark.parametrize("seed", range(120))
def test_random_expressions(seed: int) -> None:
    """Canonicalisation, printing, parsing, substitution and bounds all keep the value."""
    source = random.Random(seed)
    expr, function = random_expr(source, 4)
    assert parse_expr(str(expr)) == expr
    low, high = expr.bounds(dict.fromkeys("NHW", (1, 9)))
    for _ in range(10):
        env = {name: source.randint(1, 9) for name in "NHW"}
        want = function(env)
        assert expr.evaluate(env) == want
        assert expr.substitute(env).as_int() == want
        assert expr.substitute({"N": env["N"]}).evaluate(env) == want, "some of the symbols"
        assert expr.substitute({"N": symbol("H") + 2}).evaluate(env) == function({**env, "N": env["H"] + 2})
        assert low <= want <= high


def test_division_by_symbols_is_exact_where_it_divides() -> None:
    b, s = symbol("B"), symbol("S")
    assert (b * s * 12 + b * 24) // b == s * 12 + 24
    assert ((s + 1) * (b + 2)) // (s + 1) == b + 2
    assert str((b + s) // s) == "(B floordiv S) + 1"


def test_bounds_of_a_convolution_output() -> None:
    out = (symbol("H") + 2 - 3) // 2 + 1
    assert out.bounds({"H": (1, 224)}) == (1, 112)
    assert (minimum(symbol("H") - 4, 2) * symbol("W")).bounds({"H": (1, 9), "W": (1, 5)}) == (-15, 10)
    assert (symbol("H") % 8).bounds({"H": (1, 4)}) == (1, 4)
    assert (symbol("H") % 8).bounds({"H": (1, 40)}) == (0, 7)
    with pytest.raises(KeyError):
        out.bounds({})


def test_questions() -> None:
    expr = parse_expr("(H + 1) floordiv 2 * min(N, M)")
    assert expr.symbols() == {"H", "N", "M"}
    assert expr.as_int() is None and const(3).as_int() == 3
    assert symbol("N").as_symbol() == "N" and expr.as_symbol() is None
    assert const(4) == 4 and symbol("N") + 0 == symbol("N")
    assert str(symbol("N").substitute({"N": symbol("S") * 2})) == "2*S"
    assert parse_exprs("") == () and len(parse_exprs("N, min(A, B), 3")) == 3


@pytest.mark.parametrize("text", ["", "N +", "N N", "(N", "min()", "N ^ 2", "mod", "3 floordiv floordiv", "N,"])
def test_broken_text_is_one_error(text: str) -> None:
    with pytest.raises(ValueError, match="dim expression"):
        parse_expr(text)


def test_divisors_must_be_positive() -> None:
    with pytest.raises(ValueError, match="expected a positive divisor, got 0"):
        symbol("N") // 0


NAMES = [
    "batch size",
    "16*H",
    "past + 1",
    "n+1",
    "1",
    "1N",
    " ",
    "min",
    "floordiv",
    "a.b",
    "é",
    "日本語",
    "😀",
    'a"b',
    "a\\",
    "a\nb",
    "a\0b",
]
NAMES += [
    "\t",
    "\r",
    "\x0b",
    "\x1b[31m",
    "\x85",
    "\u2028",
    "\u202e",
    ">",
    "]",
    ",",
    "//",
    "/*",
    "min(N, 3)",
    "N floordiv 2",
    "\\6E",
    "n" * 70_000,
]


@pytest.mark.parametrize("name", NAMES, ids=range(len(NAMES)))
def test_a_symbol_may_be_called_by_any_text(name: str) -> None:
    """Such names print as strings, read back in expressions, attributes and kernels, and stay apart from all other symbols."""
    expr = (symbol(name) * 2 + symbol("N") + 1) // 3 + minimum(symbol(name), 4)
    assert parse_expr(str(expr)) == expr and str(expr).isprintable()
    assert symbol(name).as_symbol() == name and expr.symbols() == {name, "N"}
    assert expr.evaluate({name: 7, "N": 2}) == 17 // 3 + 4
    assert expr.substitute({name: symbol("N")}) == (symbol("N") * 3 + 1) // 3 + minimum(symbol("N"), 4)
    assert symbol(name).bounds({name: (2, 5)}) == (2, 5)
    others = [symbol("N") + 1, symbol("N") // 2, minimum(symbol("N"), 3), symbol("n"), symbol(f"{name}_"), const(1)]
    assert symbol(name) not in others and symbol(name) - symbol(f"{name} ") != 0


@pytest.mark.parametrize("name", ["", "a\ud800"])
def test_a_symbol_needs_a_name_in_unicode(name: str) -> None:
    with pytest.raises(ValueError, match="dim symbol: expected a name"):
        symbol(name)


@pytest.mark.parametrize(
    "text", ['"a', '"a\\q"', '"\\FF"', '"a\nb"', '""', "(" * 200 + "N" + ")" * 200, "-" * 5000 + "N"]
)
def test_broken_strings_and_deep_nesting_are_errors(text: str) -> None:
    with pytest.raises(ValueError, match=r"dim expression|dim symbol|string"):
        parse_expr(text)


def test_evaluation_compiles_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """The host evaluates each grid and offset for every new shape: a function call for each part, no walk over the expression."""
    compiled: list[Expr] = []
    right = expr_module.compile_expr
    monkeypatch.setattr(expr_module, "compile_expr", lambda expr: compiled.append(expr) or right(expr))
    expr = parse_expr("B*S*((H + 1) floordiv 2) + 64")
    for b in range(1, 50):
        assert expr.evaluate({"B": b, "S": 5, "H": 7}) == 20 * b + 64
    assert compiled == [expr]
