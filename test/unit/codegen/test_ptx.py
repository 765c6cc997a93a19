"""The PTX table: clobbers that every instruction needs, and its text, line by line, in `samples/prelude.cu`.

After a wanted change: python test/unit/codegen/test_ptx.py writes the sample; look at what differs.
"""

from __future__ import annotations

import hashlib
import re
from dataclasses import replace
from pathlib import Path

import pytest

from trtc.compiler.codegen.cuda.prelude import prelude, table
from trtc.dialects.kernel.instruction import Wrapper

SAMPLE = Path(__file__).parent / "samples" / "prelude.cu"
RULES = {
    # What an instruction does -> (asm must be volatile, it must clobber memory).
    "memory": (True, True),  # reads, writes or orders memory that C++ sees as well, or waits for others who do
    "together": (
        True,
        False,
    ),  # executed by all threads of a warp or warpgroup, on registers and addresses: never moved or merged
    "value": (False, False),  # a function of its operands
}
INSTRUCTIONS = {
    "cp.async": "memory", "ldmatrix": "memory", "bar.sync": "memory", "barrier.cluster": "memory", "mbarrier": "memory",
    "red.release": "memory", "ld.acquire": "memory", "mapa": "memory", "fence": "memory", "griddepcontrol": "memory",
    "prefetch.tensormap": "memory",
    "st.shared::cluster": "memory", "wgmma.fence": "memory", "wgmma.commit_group": "memory", "wgmma.wait_group": "memory",
    "": "memory",  # the empty asm of `keep` stands for an access to its registers
    "mma.sync": "together", "wgmma.mma_async": "together", "setmaxnreg": "together",
    "cvt": "value", "max": "value", "min": "value", "tanh": "value", "ex2": "value", "rcp": "value",
    "mov.u32 %0, %%cluster_ctarank": "value",
}  # fmt: skip
"""By the begin of their names, the longest that fits."""
SUPPORT = (".reg", "setp", "again", "@!done")
ASM = re.compile(r"asm( volatile)?\((.*?)\);", re.DOTALL)


def kinds(text: str) -> set[str]:
    """What the instructions of an asm statement do."""
    template = "".join(re.findall(r'"((?:[^"\\]|\\.)*)"', re.split(r'"\s*:', text, maxsplit=1)[0] + '"'))
    lines = [line.strip(" {}") for line in re.split(r";|\\n", template)]
    lines = [line.removeprefix("again: ") for line in lines]
    found: set[str] = set()
    for line in [line for line in lines if line and not line.startswith(SUPPORT)] or [""]:
        fitting = [begin for begin in INSTRUCTIONS if line.startswith(begin) and (begin or not line)]
        assert fitting, f"an instruction that this test does not know: {line}"
        found.add(INSTRUCTIONS[max(fitting, key=len)])
    return found


def problems(name: str, wrapper: Wrapper) -> list[str]:
    """What an entry lacks of what its instructions need."""
    found: list[str] = []
    for volatile, body in ASM.findall(wrapper.text):
        for kind in kinds(body):
            must_stay, clobbers = RULES[kind]
            if must_stay and not volatile:
                found.append(f"{name}: asm that is not volatile may be moved or merged")
            if clobbers != body.rstrip().endswith(': "memory"'):
                found.append(f"{name}: expected {'a' if clobbers else 'no'} clobber of memory")
    return found


def test_every_wrapper_has_the_clobbers_that_its_instructions_need() -> None:
    assert [problem for name, wrapper in table().items() for problem in problems(name, wrapper)] == []


@pytest.mark.parametrize(
    "name", [name for name in table() if "asm volatile" in table()[name].text and not name.startswith("wgmma_")]
)
def test_the_lint_notices_what_is_taken_away(name: str) -> None:
    wrapper = table()[name]
    assert problems(name, replace(wrapper, text=wrapper.text.replace("asm volatile", "asm"))) != []
    if '"memory"' in wrapper.text:
        assert problems(name, replace(wrapper, text=re.sub(r'\s*: "memory"', "", wrapper.text))) != []


def sample() -> str:
    """All entries but for wgmma, of which the shapes with n = 16 stand for all: those go into the digest at the end."""
    shown = [wrapper for name, wrapper in table().items() if not re.match(r"wgmma_\w+_n(?!16_)\d", name)]
    whole = hashlib.sha256(
        "".join(f"{name}\n{wrapper.text}\n" for name, wrapper in table().items()).encode()
    ).hexdigest()
    return f"{prelude(shown)}// {len(table())} entries, SHA-256 {whole}\n"


def test_the_text_of_the_table_is_the_sample() -> None:
    assert sample() == SAMPLE.read_text(), (
        "the table changed: run python test/unit/codegen/test_ptx.py and look at the difference"
    )


if __name__ == "__main__":
    SAMPLE.write_text(sample())
