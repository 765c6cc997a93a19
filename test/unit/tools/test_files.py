"""Files that users name: what cannot be written is refused early, and what was there stays until the new file is whole."""

from __future__ import annotations

import io
import os
import subprocess
import sys
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from trtc.compiler.npz import load_arrays, save_arrays
from trtc.dialects.errors import OptionError
from trtc.runtime.files import check_apart, check_writable, replacing


def test_a_failed_write_leaves_the_old_file_and_nothing_else(tmp_path: Path) -> None:
    path = tmp_path / "file"
    path.write_bytes(b"old")
    with pytest.raises(KeyboardInterrupt), replacing(path, "file") as stream:
        stream.write(b"half")
        raise KeyboardInterrupt
    assert path.read_bytes() == b"old"
    assert os.listdir(tmp_path) == ["file"]


WRITER = """
import sys, time
from trtc.runtime.files import replacing
with replacing(sys.argv[1], "file") as stream:
    stream.write(b"new" * 100_000)
    stream.flush()
    print("half", flush=True)
    time.sleep(float(sys.argv[2]))
"""


def start_writer(path: Path, seconds: float) -> subprocess.Popen[bytes]:
    command = [sys.executable, "-c", WRITER, str(path), str(seconds)]
    writer = subprocess.Popen(command, stdout=subprocess.PIPE)
    assert writer.stdout is not None and writer.stdout.readline() == b"half\n"
    return writer


def test_a_killed_writer_leaves_the_old_file_and_the_next_one_clears_up(tmp_path: Path) -> None:
    path = tmp_path / "file"
    path.write_bytes(b"old")
    writer = start_writer(path, 60)
    writer.kill()
    writer.wait()
    assert path.read_bytes() == b"old" and len(os.listdir(tmp_path)) == 2
    (tmp_path / "file.of_mine.writing").write_bytes(b"another's")
    with replacing(path, "file") as stream:
        stream.write(b"next")
    assert path.read_bytes() == b"next" and sorted(os.listdir(tmp_path)) == ["file", "file.of_mine.writing"]


def test_a_writer_at_work_is_left_alone(tmp_path: Path) -> None:
    path = tmp_path / "file"
    writer = start_writer(path, 0.5)
    with replacing(path, "file") as stream:
        stream.write(b"mine")
    assert path.read_bytes() == b"mine" and writer.wait() == 0
    assert path.read_bytes() == b"new" * 100_000 and os.listdir(tmp_path) == ["file"]


def test_a_device_or_pipe_is_written_to_and_not_replaced(tmp_path: Path) -> None:
    """A build into /dev/null must not leave a plain file in its place."""
    path = tmp_path / "pipe"
    os.mkfifo(path)
    reader = os.open(path, os.O_RDONLY | os.O_NONBLOCK)
    with replacing(path, "file") as stream:
        stream.write(b"bytes")
    assert os.read(reader, 10) == b"bytes"
    os.close(reader)
    assert path.is_fifo()


def test_a_link_is_followed(tmp_path: Path) -> None:
    (tmp_path / "folder").mkdir()
    target, link = tmp_path / "folder" / "target", tmp_path / "link"
    target.write_bytes(b"old")
    link.symlink_to(target)
    with replacing(link, "file") as stream:
        stream.write(b"new")
    assert link.is_symlink() and target.read_bytes() == b"new"


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("", "expected the name of a file, got a directory"),
        ("missing/file", r"the directory '.*missing' does not exist; create it first"),
    ],
)
def test_what_cannot_be_written_is_said_before_the_work(tmp_path: Path, name: str, message: str) -> None:
    with pytest.raises(OptionError, match=message):
        check_writable(tmp_path / name, "engine file")
    with pytest.raises(OptionError, match=message), replacing(tmp_path / name, "engine file"):
        pytest.fail("the body of a write that is refused must not run")


def test_arrays_are_saved_under_the_name_given(tmp_path: Path) -> None:
    path = tmp_path / "outputs"
    save_arrays(path, {"y": np.arange(3.0)})
    assert os.listdir(tmp_path) == ["outputs"]
    np.testing.assert_array_equal(load_arrays(path)["y"], np.arange(3.0))


def damaged(data: bytes, kind: str) -> bytes:
    if kind == "flipped":
        middle = data.index(b"descr") + 200
        return data[:middle] + bytes([data[middle] ^ 255]) + data[middle + 1 :]
    return {"empty": b"", "cut": data[:-30], "text": b"hello", "zip magic": b"PK\x03\x04junk"}[kind]


@pytest.mark.parametrize("kind", ["empty", "cut", "text", "zip magic", "flipped"])
def test_a_damaged_array_file_is_one_sentence(tmp_path: Path, kind: str) -> None:
    path = tmp_path / "in.npz"
    np.savez(path, x=np.ones((4, 30), np.float32))
    path.write_bytes(damaged(path.read_bytes(), kind))
    with pytest.raises(OptionError, match=r"in\.npz: expected an \.npz file with one array per input") as caught:
        load_arrays(path)
    assert "\n" not in str(caught.value)


def test_a_single_array_is_not_an_npz_file(tmp_path: Path) -> None:
    np.save(tmp_path / "x.npy", np.ones(3))
    with pytest.raises(OptionError, match=r"expected an \.npz file"):
        load_arrays(tmp_path / "x.npy")


def members(path: Path, *named: tuple[str, bytes]) -> Path:
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in named:
            archive.writestr(name, data)
    return path


def npy(shape: tuple[int, ...], data: bytes, descr: str = "<f4") -> bytes:
    stream = io.BytesIO()
    np.lib.format.write_array_header_1_0(stream, {"descr": descr, "fortran_order": False, "shape": shape})
    return stream.getvalue() + data


@pytest.mark.filterwarnings("ignore:Duplicate name")
@pytest.mark.parametrize(
    ("named", "message"),
    [
        ([("x.npy", npy((10**9, 100), bytes(1000)))], r"x\.npy says float32\[1000000000, 100\] and has 1000 bytes"),
        ([("x.npy", npy((-1, 4), bytes(16)))], "x.npy says"),
        ([("x.npy", npy((1,), bytes(8), "|O"))], "says object"),
        ([("x.npy", npy((1,), bytes(4)))] * 2, "a name twice"),
        ([("x.txt", b"text")], "other files"),
        ([("x.npy", npy((1 << 20,), bytes(4 << 20)))], "more than the 1024 bytes that the inputs hold at most"),
    ],
)
def test_an_array_file_that_lies_is_refused_unread(tmp_path: Path, named: Any, message: str) -> None:
    with pytest.raises(OptionError, match=message):
        load_arrays(members(tmp_path / "in.npz", *named), most=1024)


def test_array_files_are_plain_files_and_outputs_are_apart(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    for place in (tmp_path, tmp_path / "pipe", Path("/dev/zero")):
        with pytest.raises(OptionError, match="expected a file, got"):
            load_arrays(place)
    (tmp_path / "in").write_bytes(b"")
    (tmp_path / "link").symlink_to(tmp_path / "in")
    check_apart(tmp_path / "out", "--save", [tmp_path / "in", None])
    with pytest.raises(OptionError, match="it is read here too"):
        check_apart(tmp_path / "link", "--save", [tmp_path / "in"])
