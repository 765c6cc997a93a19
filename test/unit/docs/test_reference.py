"""The reference pages are generated from the op definitions and are up to date."""

from pathlib import Path

import pytest

from trtc.compiler.tools.reference import docs as gen_docs
from trtc.compiler.universe import DIALECTS, UNIVERSE


@pytest.mark.parametrize("name", DIALECTS)
def test_every_op_is_documented(name: str) -> None:
    assert gen_docs.undocumented(UNIVERSE.all_dialects[name]()) == []


def test_pages_are_up_to_date() -> None:
    assert gen_docs.main(["--check"]) == 0, "run `python -m trtc.compiler.tools.reference.docs`"


def test_check_fires_on_a_stale_page(tmp_path: Path) -> None:
    assert gen_docs.main(["quant", "--output", str(tmp_path)]) == 0
    assert gen_docs.main(["quant", "--check", "--output", str(tmp_path)]) == 0
    path = tmp_path / "quant.md"
    path.write_text(path.read_text().replace("quant.observe", "quant.watch"))
    assert gen_docs.main(["quant", "--check", "--output", str(tmp_path)]) == 1
    assert gen_docs.main(["nn", "--check", "--output", str(tmp_path)]) == 1
    assert not (tmp_path / "nn.md").exists()


def test_a_page_says_syntax_operands_attributes_and_choices() -> None:
    text = gen_docs.page("nn")
    assert "### nn.conv" in text
    assert "nn.conv $x , $w attr-dict : functional-type(operands, results)" in text
    assert "| attribute | `groups` | `integer` |" in text
    assert "| attribute | `math` | optional `nn.math` (tf32, f16, bf16) |" in text
    assert "| operand | `inputs` | any number of `tensor` |" in text
    assert "One of `eq`, `ne`, `lt`, `le`, `gt`, `ge`." in text
