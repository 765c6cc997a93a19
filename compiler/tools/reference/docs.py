"""Writes docs/reference/<dialect>.md from the op definitions.

    python -m trtc.compiler.tools.reference.docs            # write the pages
    python -m trtc.compiler.tools.reference.docs --check    # exit 1 if a page is not what would be written
    python -m trtc.compiler.tools.reference.docs nn quant   # only these dialects

A page has the dialect module's docstring; for each op its docstring, syntax, operands, attributes, results and traits; then the
dialect's attributes and types. The dialects are those of `compiler/universe.py`.
"""

from __future__ import annotations

import argparse
import inspect
import sys
import textwrap
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any, cast

from xdsl.dialects.utils import EnumAttribute
from xdsl.ir import Attribute, Dialect, Operation, TypeAttribute
from xdsl.irdl import AllOf, AnyOf, BaseAttr, EqAttrConstraint, IRDLOperation, OpDef, ParamAttrConstraint, VarConstraint
from xdsl.irdl.operations import OptionalDef, VariadicDef

from ... import universe
from ...universe import DIALECTS, UNIVERSE

ROOT = Path(__file__).resolve().parents[3]
PACKAGE = universe.__name__.removesuffix(".compiler.universe")
PAGES = ROOT / "docs" / "reference"
NOTE = "<!-- Written by `python -m trtc.compiler.tools.reference.docs`: edit the op definitions in dialects/, not this page. -->"


def page(name: str) -> str:
    """The reference page of a registered dialect."""
    dialect = UNIVERSE.all_dialects[name]()
    sections = [NOTE, f"# The `{name}` dialect", _module_text(name)]
    ops = list(dialect.operations)
    sections.append("## Ops\n\n" + ", ".join(f"[`{op.name}`](#{_anchor(op.name)})" for op in ops))
    sections += [op_section(op) for op in ops]
    attributes = list(dialect.attributes)
    if attributes:
        sections.append("## Attributes and types")
        sections += [attribute_section(attribute) for attribute in attributes]
    return "\n\n".join(s for s in sections if s) + "\n"


def _module_text(name: str) -> str:
    """The docstring of the module that defines the dialect, its indented parts as code."""
    module = sys.modules.get(f"{PACKAGE}.{DIALECTS[name][0]}")
    return _text(module)


def _text(documented: Any) -> str:
    """A docstring, without its indentation; none where it is inherited."""
    if isinstance(documented, type) and "__doc__" not in vars(documented):
        return ""
    return textwrap.dedent(inspect.cleandoc(documented.__doc__ or "")).strip()


def _anchor(heading: str) -> str:
    """The anchor that GitHub gives a heading."""
    return "".join(c for c in heading.lower() if c.isalnum() or c in "-_")


def op_section(op_class: type[Operation]) -> str:
    """An op: docstring, syntax, and a table of what it takes and gives."""
    definition = cast("type[IRDLOperation]", op_class).get_irdl_definition()
    parts = [f"### {definition.name}", _text(op_class)]
    if definition.assembly_format is not None:
        parts.append(f"```\n{_syntax(definition)}\n```")
    elif Operation.print is op_class.print:
        parts.append("It prints in the generic form.")
    rows = [*_rows("operand", definition.operands)]
    rows += _rows("attribute", [*definition.properties.items(), *definition.attributes.items()])
    rows += [("region", f"`{name}`", _plural(region)) for name, region in definition.regions]
    rows += _rows("result", definition.results)
    if rows:
        parts.append(_table(("", "name", "type"), rows))
    traits = sorted({type(t).__name__ for t in definition.traits.traits})
    if traits:
        parts.append(f"Traits: {', '.join(traits)}.")
    return "\n\n".join(p for p in parts if p)


def _syntax(definition: OpDef) -> str:
    """The assembly format with the op's name in front and literals unquoted."""
    return f"{definition.name} {(definition.assembly_format or '').replace('`', '')}"


def _rows(kind: str, definitions: Iterable[tuple[str, Any]]) -> list[tuple[str, str, str]]:
    return [
        (kind, f"`{name}`", " ".join(filter(None, (_plural(definition), describe(definition.constr)))))
        for name, definition in definitions
    ]


def _plural(definition: Any) -> str:
    if isinstance(definition, OptionalDef):
        return "optional"
    return "any number of" if isinstance(definition, VariadicDef) else ""


def _table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join("| " + " | ".join(cell.replace("|", "\\|") for cell in line) + " |" for line in lines)


def describe(constraint: Any) -> str:
    """What a constraint accepts, in words."""
    match constraint:
        case EqAttrConstraint():
            return f"`{constraint.attr}`"
        case AnyOf():
            return " or ".join(dict.fromkeys(map(describe, constraint.attr_constrs)))
        case AllOf():
            parts = dict.fromkeys(map(describe, constraint.attr_constrs))
            return " and ".join(p for p in parts if p != "any") or "any"
        case BaseAttr():
            return describe_class(constraint.attr)
        case ParamAttrConstraint():
            return describe_class(constraint.base_attr)
        case VarConstraint():
            return f"{describe(constraint.constraint)} (the same type `{constraint.name}` throughout)"
        case _:
            inner = getattr(constraint, "constraint", None) or getattr(constraint, "constr", None)
            return "any" if inner is None else describe(inner)


def describe_class(attribute: type[Attribute]) -> str:
    """An attribute class: its name in the IR, and the choices of an enum."""
    text = f"`{attribute.name}`"
    if issubclass(attribute, EnumAttribute):
        enum = cast("type[EnumAttribute[Any]]", attribute).enum_type
        text += f" ({', '.join(str(choice.value) for choice in enum)})"
    return text


def attribute_section(attribute: type[Attribute]) -> str:
    """An attribute or type: its docstring, and the choices of an enum."""
    sigil = "!" if issubclass(attribute, TypeAttribute) else "#"
    parts = [f"### {sigil}{attribute.name}"]
    if issubclass(attribute, EnumAttribute):
        enum = cast("type[EnumAttribute[Any]]", attribute).enum_type
        parts += [_text(attribute) or _text(enum), f"One of {', '.join(f'`{choice.value}`' for choice in enum)}."]
    else:
        parts.append(_text(attribute))
    return "\n\n".join(p for p in parts if p)


def undocumented(dialect: Dialect) -> list[str]:
    """The ops of a dialect that have no docstring of their own."""
    return [op.name for op in dialect.operations if not _text(op)]


def main(argv: Sequence[str] | None = None) -> int:
    """Write or check the pages; returns the exit status."""
    parser = argparse.ArgumentParser(
        prog="python -m trtc.compiler.tools.reference.docs", description="Write docs/reference/<dialect>.md."
    )
    parser.add_argument("dialects", nargs="*", help=f"dialects (default: {' '.join(DIALECTS)})")
    parser.add_argument("--check", action="store_true", help="write nothing; fail if a page is not up to date")
    parser.add_argument("--output", type=Path, default=PAGES, help="folder of the pages")
    arguments = parser.parse_args(argv)
    names: list[str] = arguments.dialects or list(DIALECTS)
    unknown = [name for name in names if name not in DIALECTS]
    if unknown:
        parser.error(f"expected dialects of {', '.join(DIALECTS)}, got {', '.join(unknown)}")
    stale: list[Path] = []
    for name in names:
        path, text = arguments.output / f"{name}.md", page(name)
        if path.exists() and path.read_text() == text:
            continue
        stale.append(path)
        if not arguments.check:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text)
    if arguments.check and stale:
        listed = ", ".join(map(str, stale))
        print(
            f"expected up-to-date pages, got stale {listed}; run python -m trtc.compiler.tools.reference.docs",
            file=sys.stderr,
        )
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
