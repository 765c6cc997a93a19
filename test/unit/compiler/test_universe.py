"""Every pass, dialect and target that is registered exists, and everything that exists is registered."""

from __future__ import annotations

import ast
import re
import subprocess
import sys
from pathlib import Path

import pytest
from xdsl.ir import Dialect
from xdsl.passes import ModulePass
from xdsl.utils.target import Target

from trtc.compiler import universe
from trtc.compiler.tools import trtc_opt
from trtc.dialects.errors import OptionError
from trtc.passes.kernels.schedules import registry

ROOT = Path(__file__).parents[3]
ALL = sorted((folder, name) for folder, names in universe.PASSES.items() for name in names)


def passes_in_files(root: Path) -> set[tuple[str, str]]:
    """(folder, name) of each class with a `name` that derives from ModulePass, read from the source."""
    found: set[tuple[str, str]] = set()
    for path in sorted((root / "passes").glob("*/*.py")):
        body = ast.parse(path.read_text()).body
        constants = dict(filter(None, map(_constant, body)))
        for node in body:
            if isinstance(node, ast.ClassDef) and "ModulePass" in {ast.unparse(base) for base in node.bases}:
                fields = dict(filter(None, (_constant(item, constants) for item in node.body)))
                if "name" in fields:
                    found.add((path.parent.name, fields["name"]))
    return found


def _constant(node: ast.stmt, known: dict[str, str] | None = None) -> tuple[str, str] | None:
    """(name, text) of an assignment of a string, or of a name that is known to be one."""
    match node:
        case (
            ast.Assign(targets=[ast.Name(id=name)], value=value) | ast.AnnAssign(target=ast.Name(id=name), value=value)
        ):
            if isinstance(value, ast.Constant) and isinstance(value.value, str):
                return name, value.value
            if isinstance(value, ast.Name) and known and value.id in known:
                return name, known[value.id]
    return None


def test_the_table_lists_the_passes_that_exist() -> None:
    assert passes_in_files(ROOT) == set(ALL)


def test_the_reader_of_pass_files_finds_a_new_pass(tmp_path: Path) -> None:
    folder = tmp_path / "passes" / "graph"
    folder.mkdir(parents=True)
    (folder / "new.py").write_text('class NewPass(ModulePass):\n    name = "new"\nclass Helper:\n    name = "no"\n')
    (folder / "named.py").write_text('NAME = "named"\nclass NamedPass(ModulePass):\n    name = NAME\n')
    assert passes_in_files(tmp_path) == {("graph", "new"), ("graph", "named")}


@pytest.mark.parametrize(("folder", "name"), ALL)
def test_each_pass_loads_and_declares_its_numerics(folder: str, name: str) -> None:
    loaded = universe.load_pass(name)
    assert issubclass(loaded, ModulePass)
    assert loaded.name == name
    assert loaded.__module__ == f"trtc.{universe.pass_module(folder, name)}"
    assert vars(loaded).get("numerics") in {"exact", "reassociates", "changes-precision"}


@pytest.mark.parametrize("name", sorted(universe.DIALECTS))
def test_each_dialect_loads(name: str) -> None:
    dialect = universe.UNIVERSE.all_dialects[name]()
    assert isinstance(dialect, Dialect)
    assert dialect.name == name


@pytest.mark.parametrize("name", sorted(universe.TARGETS))
def test_each_target_loads(name: str) -> None:
    target = universe.UNIVERSE.all_targets[name]()
    assert issubclass(target, Target)
    assert target.name == name


def test_a_pass_of_trtc_replaces_one_of_xdsl() -> None:
    assert "cse" not in universe.UNIVERSE.all_passes
    assert universe.all_passes()["cse"]().__module__ == "trtc.passes.graph.cse"


def test_a_registered_pass_without_a_file_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(universe.PASSES, "graph", (*universe.PASSES["graph"], "not-written"))
    with pytest.raises(
        ImportError, match=r"pass 'not-written' is registered .* there is no module trtc\.passes\.graph\.not_written"
    ):
        universe.load_pass("not-written")


def test_stock_xdsl_opt_sees_the_dialects(tmp_path: Path) -> None:
    path = tmp_path / "model.mlir"
    path.write_text(
        "func.func @main(%x: tensor<4xf32>) -> tensor<4xf32> {\n  %0 = nn.relu %x : tensor<4xf32>\n  func.return %0 : tensor<4xf32>\n}\n"
    )
    tool = Path(sys.executable).parent / "xdsl-opt"
    assert "nn.relu" in subprocess.run([tool, path], capture_output=True, text=True, check=True).stdout


def install(folder: Path, group: str, entry: str, code: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """A package called `acme` with one entry point and one module, as pip would leave it."""
    (folder / "acme-1.0.dist-info").mkdir()
    (folder / "acme-1.0.dist-info" / "METADATA").write_text("Metadata-Version: 2.1\nName: acme\nVersion: 1.0\n")
    (folder / "acme-1.0.dist-info" / "entry_points.txt").write_text(f"[{group}]\n{entry}\n")
    (folder / "acme_extension.py").write_text(code)
    monkeypatch.syspath_prepend(folder)
    monkeypatch.delitem(sys.modules, "acme_extension", raising=False)


@pytest.mark.parametrize(
    ("code", "message"),
    [
        ("raise ImportError('no module named cutlass')", "the package 'acme' cannot be loaded: its xdsl.universe "),
        ("UNIVERSE = 5", "installed packages do not go together"),
        (
            "from xdsl.universe import Universe\nUNIVERSE = Universe(all_dialects={'nn': lambda: None})",
            r"installed packages do not go together: Duplicate definition of nn in \['acme', 'trtc'\]",
        ),
    ],
)
def test_a_broken_package_beside_trtc_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], code: str, message: str
) -> None:
    install(tmp_path, "xdsl.universe", "acme = acme_extension:UNIVERSE", code, monkeypatch)
    with pytest.raises(OptionError, match=message):
        universe.make_context()
    with pytest.raises(SystemExit) as caught:
        trtc_opt.main(["-p", "cse"])
    assert caught.value.code == 2
    assert re.search(message, capsys.readouterr().err)


def test_a_broken_schedule_of_a_package_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    install(tmp_path, "trtc.schedules", "fast = acme_extension:FAST", "raise ImportError('no cutlass')", monkeypatch)
    registry._external.cache_clear()
    try:
        with pytest.raises(
            OptionError, match="schedule 'fast': the package that adds it cannot be loaded: ImportError"
        ):
            registry.schedules()
    finally:
        registry._external.cache_clear()
