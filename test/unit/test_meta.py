"""The guards of the guards: tests about tests, packaging and docs. Each has a test that shows that it fires."""

from __future__ import annotations

import re
import shlex
import subprocess
import sys
import tomllib
from collections.abc import Iterable
from importlib.util import find_spec
from pathlib import Path

import pytest

from trtc.compiler import universe

ROOT = Path(__file__).parents[2]
LIT = ROOT / "test" / "filecheck"
TOP = ("compiler", "dialects", "passes", "runtime")

TOLERANCE_CEILING = 1e-1
"""No test compares with more: fp32 is held to 1e-4, fp16 to 1e-2, a bf16 model to this."""


# Lit files


def lit_problems(text: str) -> list[str]:
    """What is wrong with a lit file: it must run something, and each CHECK prefix must be read by a filecheck."""
    runs = re.findall(r"^// RUN: (.*)$", text, re.MULTILINE)
    if not runs:
        return ["has no RUN line"]
    prefixes = {
        match.group(1)
        for match in re.finditer(
            r"^\s*// ?([A-Z][A-Z0-9_-]*?)(?:-(?:NEXT|SAME|NOT|DAG|LABEL|COUNT-\d+|EMPTY))?:", text, re.MULTILINE
        )
    }
    prefixes = {
        prefix for prefix in prefixes if prefix.startswith("CHECK") or any(f"{prefix}" in run for run in runs)
    } - {"RUN"}
    read: set[str] = set()
    for run in runs:
        for command in run.split("|")[1:]:
            words = shlex.split(command)
            if words and words[0] == "filecheck":
                given = re.findall(r"--?check-prefix(?:es)?[= ](\S+)", command)
                read |= {name for names in given for name in names.split(",")} or {"CHECK"}
    problems = [f"prefix {prefix} is read by no filecheck" for prefix in sorted(prefixes - read)]
    problems += [f"a filecheck reads prefix {prefix}, which has no line" for prefix in sorted(read - prefixes)]
    if not read and any("--verify-diagnostics" in run for run in runs) and "expected-" not in text:
        problems.append("expects no diagnostic and pipes into no filecheck")
    return problems if prefixes or not read else ["has no CHECK line"]


@pytest.mark.parametrize("path", sorted(LIT.rglob("*.mlir")), ids=lambda path: str(path.relative_to(LIT)))
def test_lit_files_can_fail(path: Path) -> None:
    assert lit_problems(path.read_text()) == []


def test_the_guard_of_lit_files_fires() -> None:
    good = "// RUN: trtc-opt %s | filecheck %s\n// CHECK-LABEL: func\n"
    assert lit_problems(good) == []
    assert lit_problems("// RUN: trtc-opt %s\n// CHECK: func\n") == ["prefix CHECK is read by no filecheck"]
    assert lit_problems("// CHECK: func\n") == ["has no RUN line"]
    assert lit_problems("// RUN: trtc-opt %s | filecheck %s\n") == ["has no CHECK line"]
    verified = "// RUN: trtc-opt %s --verify-diagnostics\n"
    assert lit_problems(verified) == ["expects no diagnostic and pipes into no filecheck"]
    assert lit_problems(verified + "// expected-error@+1 {{text}}\n") == []
    other = "// RUN: trtc-opt %s | filecheck %s --check-prefix=CUDA\n"
    assert lit_problems(other + "// CUDA: void\n") == []
    assert lit_problems(other + "// CUDA: void\n// CHECK: x\n") == ["prefix CHECK is read by no filecheck"]


def pass_problems(lit: Path, passes: Iterable[str]) -> list[str]:
    """Passes without a lit file of their name that runs them."""
    problems: list[str] = []
    for name in passes:
        files = list(lit.rglob(f"{name}.mlir")) + list(lit.rglob(f"{name.replace('-', '_')}.mlir"))
        if not files:
            problems.append(f"{name}: no lit file is named after it")
        elif not any(re.search(rf"// RUN:.*-p '?\"?[^|]*\b{re.escape(name)}\b", path.read_text()) for path in files):
            problems.append(f"{name}: its lit file does not run it")
    return problems


@pytest.mark.parametrize("name", sorted(universe.trtc_passes()))
def test_every_pass_has_its_lit_file(name: str) -> None:
    assert pass_problems(LIT, [name]) == []


def test_the_guard_of_passes_fires(tmp_path: Path) -> None:
    (tmp_path / "a").mkdir()
    (tmp_path / "a" / "fold.mlir").write_text("// RUN: trtc-opt %s -p fold | filecheck %s\n")
    (tmp_path / "a" / "other.mlir").write_text("// RUN: trtc-opt %s -p fold | filecheck %s\n")
    assert pass_problems(tmp_path, ["fold", "other", "missing"]) == [
        "other: its lit file does not run it",
        "missing: no lit file is named after it",
    ]


# Ops


def tensor_ops() -> list[str]:
    return sorted(op.name for dialect in ("nn", "quant") for op in universe.UNIVERSE.all_dialects[dialect]().operations)


@pytest.mark.parametrize("name", tensor_ops())
def test_every_tensor_op_has_a_meaning(name: str) -> None:
    from trtc.dialects.meaning import STRUCTURAL, has_meaning

    dialect = universe.UNIVERSE.all_dialects[name.split(".")[0]]()
    (op,) = (op for op in dialect.operations if op.name == name)
    assert has_meaning(op) or op in STRUCTURAL
    expected = {"nn.weight", "nn.export", "nn.read", "nn.if", "nn.loop"}
    assert {op.name for op in STRUCTURAL} == expected, "only these mean nothing on their own"


# Packaging


def packages_in_tree(root: Path) -> set[str]:
    folders = [path.parent for top in TOP for path in (root / top).rglob("__init__.py")]
    return {"trtc", *(".".join(("trtc", *folder.relative_to(root).parts)) for folder in folders)}


def listed(root: Path) -> set[str]:
    return set(tomllib.loads((root / "pyproject.toml").read_text())["tool"]["setuptools"]["packages"])


def test_pyproject_lists_every_package() -> None:
    assert listed(ROOT) == packages_in_tree(ROOT)


def test_every_folder_with_modules_is_a_package() -> None:
    modules = [path for top in TOP for path in (ROOT / top).rglob("*.py")]
    assert sorted({str(path.parent) for path in modules if not (path.parent / "__init__.py").exists()}) == []


def test_the_guard_of_packages_fires(tmp_path: Path) -> None:
    for folder in ("passes", "passes/new"):
        (tmp_path / folder).mkdir()
        (tmp_path / folder / "__init__.py").touch()
    assert packages_in_tree(tmp_path) == {"trtc", "trtc.passes", "trtc.passes.new"}
    assert "trtc.passes.new" not in listed(ROOT)


def test_console_scripts_and_entry_points_exist() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    targets = [*project["scripts"].values(), *project["entry-points"]["xdsl.universe"].values()]
    for target in targets:
        module, attribute = target.split(":")
        assert hasattr(__import__(module, fromlist=[attribute]), attribute), target


def test_no_cuda_library_of_two_gigabytes_is_asked_for() -> None:
    extras = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["optional-dependencies"]
    assert not [need for needs in extras.values() for need in needs if "[ctk]" in need]
    assert all("<" in need for extra in ("cuda12", "cuda13") for need in extras[extra]), "CUDA wheels come by range"


# Tolerances


def tolerances(text: str) -> list[float]:
    """Numbers given as rtol, atol or a tolerance, in source text."""
    return [
        float(number)
        for number in re.findall(
            r"(?:rtol|atol|toler\w*)\s*(?::\s*\w+\s*)?=\s*([0-9.]+e?-?[0-9]*)", text, re.IGNORECASE
        )
    ]


@pytest.mark.parametrize("path", sorted((ROOT / "test").rglob("test_*.py")), ids=lambda path: path.stem)
def test_no_tolerance_is_above_the_ceiling(path: Path) -> None:
    if path.name != Path(__file__).name:
        assert [value for value in tolerances(path.read_text()) if value > TOLERANCE_CEILING] == []


def test_the_guard_of_tolerances_fires() -> None:
    assert tolerances("assert_allclose(a, b, rtol=1, atol=1e-4)") == [1.0, 1e-4]
    assert tolerances("FP16_TOLERANCE = 0.5") == [0.5]


# Docs


def snippets(text: str, language: str) -> list[str]:
    """Fenced blocks of one language whose info string does not say `no-test`."""
    return re.findall(rf"^```{language}\n(.*?)^```", text, re.MULTILINE | re.DOTALL)


def documents() -> list[Path]:
    return [
        *(ROOT / name for name in ("README.md", "CONTRIBUTING.md", "CHANGELOG.md")),
        *sorted((ROOT / "docs").rglob("*.md")),
    ]


def commands(text: str, tool: str) -> list[list[str]]:
    """The arguments of each command line of `tool` in the shell snippets of a page, without comments."""
    lines = [
        line.split("#")[0] for snippet in snippets(text, "sh") for line in snippet.replace("\\\n", " ").splitlines()
    ]
    return [shlex.split(line)[1:] for line in lines if line.strip().startswith(f"{tool} ")]


def dead_links(text: str, folder: Path) -> list[str]:
    """Links of a page to files that do not exist, and to headings that their file does not have."""
    dead: list[str] = []
    for link in re.findall(r"\]\(([^)\s]+)\)", text):
        path, _, anchor = link.partition("#")
        if "://" in path:
            continue
        page = folder / path
        alive = page.exists() and (not anchor or anchor in anchors(page.read_text() if path else text))
        if not alive:
            dead.append(link)
    return dead


def anchors(text: str) -> set[str]:
    """The anchors that GitHub gives to the headings of a page."""
    titles = re.findall(r"^#+ (.*)$", text, re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", title.lower()).replace(" ", "-") for title in titles}


def missing_files(text: str) -> list[str]:
    """Files and folders of the tree that a page names in `code` and that do not exist; `<placeholders>` are the reader's."""
    named = re.findall(rf"`((?:{'|'.join((*TOP, 'test', 'docs', 'scripts'))})/[\w./-]*)`", text)
    return [name for name in named if not (ROOT / name).exists()]


@pytest.mark.parametrize(
    "path", [path for path in documents() if path.stem != "first-pass"], ids=lambda path: path.stem
)
def test_commands_in_docs_are_accepted(path: Path) -> None:
    """Every flag, pass and option that a page shows exists; the files that they read are the reader's. test_tutorial.py does
    more for the tutorial."""
    from trtc.compiler.tools import trtc
    from trtc.compiler.tools.opt.tool import TrtcOptMain

    for command in commands(path.read_text(), "trtc-opt"):
        if "|" in command:
            command = command[: command.index("|")]
        if any(word.startswith("<") for word in command):
            continue
        TrtcOptMain(command)
    for command in commands(path.read_text(), "trtc"):
        trtc._parser().parse_args(command)


def test_the_guard_of_commands_fires() -> None:
    from trtc.compiler.tools.opt.tool import TrtcOptMain
    from trtc.dialects.errors import OptionError

    (command,) = commands("```sh\ntrtc-opt a.mlir -p nosuch  # comment\n```\n", "trtc-opt")
    with pytest.raises(OptionError, match="nosuch"):
        TrtcOptMain(command)


@pytest.mark.parametrize("path", documents(), ids=lambda path: path.stem)
def test_links_in_docs_lead_somewhere(path: Path) -> None:
    assert dead_links(path.read_text(), path.parent) == []


@pytest.mark.parametrize("path", documents(), ids=lambda path: path.stem)
def test_files_and_modules_that_docs_name_exist(path: Path) -> None:
    text = path.read_text()
    if path.stem != "first-pass":  # its files are the reader's to write
        assert missing_files(text) == []
    for module in re.findall(r"python -m (trtc[\w.]*)", text):
        assert find_spec(module) is not None, module
    extras = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["optional-dependencies"]
    assert set(re.findall(r"pip install -e '\.\[(\w+)\]'", text)) <= set(extras)


def test_the_guards_of_links_and_files_fire() -> None:
    page = "# One title\n[a](README.md) [b](nosuch.md) [c](#one-title) [d](#other) [e](https://x.y) [f](README.md#use-it) [g](README.md#no)"
    assert dead_links(page, ROOT) == ["nosuch.md", "#other", "README.md#no"]
    assert missing_files("`compiler/pipeline.py` and `passes/graph/nosuch.py`, `<area>/x.py`") == [
        "passes/graph/nosuch.py"
    ]


@pytest.mark.parametrize("path", documents(), ids=lambda path: path.stem)
def test_python_in_docs_compiles(path: Path) -> None:
    for snippet in snippets(path.read_text(), "python"):
        compile(snippet, str(path), "exec")


@pytest.mark.parametrize("path", documents(), ids=lambda path: path.stem)
def test_make_targets_in_docs_exist(path: Path) -> None:
    targets = set(re.findall(r"^([a-z][a-z-]*):", (ROOT / "Makefile").read_text(), re.MULTILINE))
    named = {
        name
        for snippet in snippets(path.read_text(), "sh")
        for name in re.findall(r"^make ([a-z-]+)", snippet, re.MULTILINE)
    }
    assert named <= targets


def test_make_help_names_every_public_target() -> None:
    shown = subprocess.run(
        ["make", "-C", ROOT, "--no-print-directory", "help"], capture_output=True, text=True, check=True
    ).stdout
    targets = set(re.findall(r"^([a-z][a-z-]*):", (ROOT / "Makefile").read_text(), re.MULTILINE))
    assert {line.split()[1] for line in shown.splitlines()} == {
        name for name in targets if not name.startswith("setup-")
    }


def test_arrows_between_folders() -> None:
    """The import contracts hold without import-linter too: a cheap reading of the import lines."""
    allowed = {
        "dialects": {"dialects"},
        "passes": {"passes", "dialects"},
        "runtime": {"runtime", "dialects"},
        "compiler": {"compiler", "passes", "runtime", "dialects"},
    }
    wrong: list[str] = []
    for top, may in allowed.items():
        for path in (ROOT / top).rglob("*.py"):
            depth = len(path.relative_to(ROOT).parts)
            for dots, target in re.findall(r"^\s*from (\.+)(\w+)", path.read_text(), re.MULTILINE):
                if len(dots) == depth and target not in may:
                    wrong.append(f"{path.relative_to(ROOT)} imports {target}")
    assert wrong == []


def test_the_demo_and_tools_start() -> None:
    for module in ("trtc.compiler.tools.trtc", "trtc.compiler.tools.trtc_opt", "trtc.compiler.tools.demo"):
        done = subprocess.run([sys.executable, "-m", module, "--help"], capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr
        assert "usage" in done.stdout


# Files


RUNNERS = ("test_", "bench_")
"""What a runner looks for in front of a name: no prefix of it."""


def file_prefixes(files: Iterable[str], passes: Iterable[str]) -> list[str]:
    """Folders with several modules, or lit files, that begin with the same word: they belong in a folder of that name. A file of a pass
    is named after the pass; lit files of a dialect begin with `ops` or `invalid`."""
    names = {name.replace("-", "_") for name in passes}
    found: dict[tuple[str, str, str], set[str]] = {}
    for file in files:
        folder, _, name = file.rpartition("/")
        stem, _, kind = name.partition(".")
        for runner in RUNNERS:
            stem = stem.removeprefix(runner)
        word, _, rest = stem.partition("_")
        lit = kind == "mlir" and (word in ("ops", "invalid") or any(stem.startswith(name) for name in names))
        if rest and not lit and stem not in names:
            found.setdefault((folder, word, kind), set()).add(stem)
    return [f"{folder}: {', '.join(sorted(found[folder, word, kind]))}: expected a folder '{word}'"
            for folder, word, kind in sorted(found) if len(found[folder, word, kind]) > 1]  # fmt: skip


def test_no_file_prefix_stands_for_a_folder() -> None:
    """Over the whole tree, tests included."""
    files = [
        path.relative_to(ROOT).as_posix()
        for top in (*TOP, "test", "docs")
        for ending in ("*.py", "*.mlir")
        for path in (ROOT / top).rglob(ending)
    ]
    assert len(files) > 500
    assert file_prefixes(files, universe.trtc_passes()) == []


def test_the_guard_of_file_prefixes_fires() -> None:
    files = [
        "runtime/verify_plan.py",
        "runtime/verify_steps.py",
        "runtime/verify.py",
        "passes/fold_a.py",
        "passes/fold_b.py",
    ]
    assert file_prefixes(files, ["fold-a"]) == ["runtime: verify_plan, verify_steps: expected a folder 'verify'"]
    assert file_prefixes(["a/x_one.py", "b/x_two.py", "a/x_one.mlir", "a/x.py"], []) == []
    assert file_prefixes(["t/test_new_a.py", "t/test_new_b.py", "t/test_old.py"], []) == [
        "t: new_a, new_b: expected a folder 'new'"
    ]
    lit = ["f/fold_a.mlir", "f/fold_a_refused.mlir", "f/ops_a.mlir", "f/ops_b.mlir", "f/other_a.mlir", "f/other_b.mlir"]
    assert file_prefixes(lit, ["fold-a"]) == ["f: other_a, other_b: expected a folder 'other'"]
