"""What the compiler makes of the zoo is what golden/ says. A change that is to change programs rewrites it (`make digests UPDATE=1`)."""

from __future__ import annotations

import sys
from copy import deepcopy
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))
import digests
from digests import Case

CASES = list(digests.cases())


@pytest.mark.parametrize("case", CASES, ids=str)
def test_as_golden(case: Case) -> None:
    found = digests.differences(case, digests.digests(case))
    assert not found, "\n".join([*found, "If that is what the change is for: make digests UPDATE=1."])


def test_each_case_has_a_file_and_no_other_is_there() -> None:
    assert {path.stem for path in digests.GOLDEN.glob("*.json")} == set(map(str, CASES))


def test_a_difference_in_each_part_is_seen() -> None:
    case = CASES[0]
    golden = digests.golden(case)
    assert digests.differences(case, golden) == []
    for part in golden:
        changed = deepcopy(golden)
        if isinstance(changed[part], dict):
            changed[part][next(iter(changed[part]))] = "another"
        else:
            changed[part] = "another"
        assert [line.split(": ")[0] for line in digests.differences(case, changed)] == [str(case)]
