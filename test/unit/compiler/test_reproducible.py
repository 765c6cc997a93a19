"""Equal inputs make equal engines, whoever builds them, wherever and whenever; and an engine does not say where that was."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

pytest.importorskip("cupy", reason="NVRTC comes with CuPy")
onnx = pytest.importorskip("onnx")

MODEL = """<ir_version: 8, opset_import: ["" : 17]>
g (float[N, 4, 8, 8] x) => (float[N, 8] y)
<float[8, 4, 3, 3] w, float[8, 8] m> {
  c = Conv<pads = [1, 1, 1, 1]>(x, w)
  r = Relu(c)
  p = GlobalAveragePool(r)
  f = Flatten(p)
  l = MatMul(f, m)
  y = Softmax(l)
}"""

BUILD = """
import os, sys
os.umask(int(sys.argv[1], 8))
import trtc
options = trtc.BuildOptions(target="sm_80", profiles={"N": (1, 2, 4)})
trtc.build("model.onnx", options, cache=None).save("made.engine")
"""


def write_model(path: Path) -> None:
    import numpy as np

    model = onnx.parser.parse_model(MODEL)
    rng = np.random.default_rng(0)
    for name, shape in (("w", (8, 4, 3, 3)), ("m", (8, 8))):
        array = rng.standard_normal(shape).astype(np.float32)
        model.graph.initializer.append(onnx.numpy_helper.from_array(array, name))
    del model.graph.value_info[:]
    onnx.save(model, path)


def test_two_users_in_two_folders_make_the_same_bytes(tmp_path: Path) -> None:
    write_model(tmp_path / "model.onnx")
    users = {
        "alice": {"PYTHONHASHSEED": "1", "LC_ALL": "C", "TZ": "UTC", "OMP_NUM_THREADS": "1"},
        "bob_with_a_longer_name": {
            "PYTHONHASHSEED": "4711",
            "LC_ALL": "C.UTF-8",
            "TZ": "Asia/Tokyo",
            "OMP_NUM_THREADS": "2",
        },
    }
    running: list[subprocess.Popen[bytes]] = []
    for (user, environment), mask in zip(users.items(), ("022", "077"), strict=True):
        folder = tmp_path / user / "work"
        folder.mkdir(parents=True)
        shutil.copy(tmp_path / "model.onnx", folder)
        environment |= {
            "HOME": str(tmp_path / user),
            "USER": user,
            "TMPDIR": str(folder),
            "TRTC_CACHE": str(folder / "cache"),
        }
        running.append(
            subprocess.Popen([sys.executable, "-c", BUILD, mask], cwd=folder, env={**os.environ, **environment})
        )
    assert [process.wait() for process in running] == [0, 0]
    first, second = ((tmp_path / user / "work" / "made.engine").read_bytes() for user in users)
    assert first == second
    assert not [user for user in (*users, str(tmp_path), os.getcwd()) if user.encode() in first]
