"""The engine file format: every damaged file is one EngineFormatError, and equal contents are equal bytes."""

from __future__ import annotations

import hashlib
import json
import os
import random
import tracemalloc
from pathlib import Path

import pytest

from trtc.dialects.errors import EngineFormatError, OptionError
from trtc.runtime.container import PAGE, Section, read_container, write_container

MANIFEST = {"kind": "test", "numbers": [1, 2, 3], "text": "ünïcode"}
SECTIONS = {
    "a": Section(b"hello", 64),
    "empty": Section(b"", 64),
    "weights": Section(bytes(range(256)) * 40, PAGE),
    "b": Section(b"\xee" * 77, 256),
}


@pytest.fixture
def path(tmp_path: Path) -> Path:
    file = tmp_path / "engine"
    write_container(file, MANIFEST, SECTIONS)
    return file


def test_what_is_written_is_read(path: Path) -> None:
    manifest, sections = read_container(path)
    assert manifest == MANIFEST
    assert {name: bytes(section.data) for name, section in sections.items()} == {n: s.data for n, s in SECTIONS.items()}


def test_sections_are_aligned_for_mapping(path: Path) -> None:
    content = path.read_bytes()
    assert content.index(bytes(range(256)) * 40) % PAGE == 0
    assert content.index(b"\xee" * 77) % 256 == 0


def test_no_sections_is_a_file_too(tmp_path: Path) -> None:
    write_container(tmp_path / "e", {}, {})
    assert read_container(tmp_path / "e") == ({}, {})


def test_equal_contents_are_equal_bytes(path: Path, tmp_path: Path) -> None:
    reordered = dict(reversed(MANIFEST.items()))
    write_container(tmp_path / "again", reordered, SECTIONS)
    assert (tmp_path / "again").read_bytes() == path.read_bytes()


def test_every_flipped_bit_is_found(path: Path) -> None:
    """A random bit of each 64-byte block of the file, and every bit of the header."""
    content = path.read_bytes()
    choose = random.Random(0)
    places = [(byte, bit) for byte in range(64) for bit in range(8)]
    places += [
        (choose.randrange(start, min(start + 64, len(content))), choose.randrange(8))
        for start in range(0, len(content), 64)
    ]
    for byte, bit in places:
        damaged = bytearray(content)
        damaged[byte] ^= 1 << bit
        path.write_bytes(damaged)
        with pytest.raises(EngineFormatError):
            read_container(path)


def test_every_truncation_and_extension_is_found(path: Path) -> None:
    content = path.read_bytes()
    for length in [*range(200), *range(200, len(content), 97), len(content) - 1]:
        path.write_bytes(content[:length])
        with pytest.raises(EngineFormatError):
            read_container(path)
    path.write_bytes(content + b"\0")
    with pytest.raises(EngineFormatError, match=f"expected {len(content)} bytes, got {len(content) + 1}"):
        read_container(path)


@pytest.mark.parametrize("content", [b"", b"hello", b"\x89PNG\r\n\x1a\n" + bytes(100), b"\x80\x04" + bytes(5000)])
def test_foreign_files_are_refused(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "f").write_bytes(content)
    with pytest.raises(EngineFormatError, match=r"not a trtc engine|fewer than its header"):
        read_container(tmp_path / "f")


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(EngineFormatError, match="No such file"):
        read_container(tmp_path / "nothing")


def forge(path: Path, change: dict[str, object]) -> None:
    """Alters the first entry of the section table and makes the digest of the manifest right again."""
    content = path.read_bytes()
    length = int.from_bytes(content[24:32], "little")
    manifest = json.loads(content[64 : 64 + length])
    manifest["sections"][0].update(change)
    encoded = json.dumps(manifest, sort_keys=True, separators=(",", ":")).encode()
    rest = content[PAGE:]
    prefix = content[:16] + (PAGE + len(rest)).to_bytes(8, "little") + len(encoded).to_bytes(8, "little")
    digest = hashlib.sha256(prefix + encoded).digest()
    head = prefix + digest + encoded
    path.write_bytes(head + bytes(PAGE - len(head)) + rest)


def resign(manifest: bytes, file_length: int, manifest_length: int | None = None) -> bytes:
    """The begin of an engine file around any bytes in the place of a manifest, with the digest right."""
    length = len(manifest) if manifest_length is None else manifest_length
    prefix = b"\x89TRTC\r\n\x1a" + (1).to_bytes(8, "little")
    prefix += file_length.to_bytes(8, "little") + length.to_bytes(8, "little")
    head = prefix + hashlib.sha256(prefix + manifest).digest() + manifest
    return head + bytes(-len(head) % PAGE)


@pytest.mark.parametrize(
    ("manifest", "message"),
    [
        (b'{"a":' * 100_000 + b"1" + b"}" * 100_000, "nested too deeply"),
        (b"[" * 1_000_000, "nested too deeply"),
        (b'{"sections":[],"sections":[]}', "names a field twice"),
        (b'{"sections":[{"name":"a","name":"b"}]}', "names a field twice"),
        (b'{"sections":[],"x":NaN}', "not JSON"),
        (b'{"sections":[],"x":' + b"9" * 5000 + b"}", "not JSON"),
        (b"\xff\xfe", "not JSON"),
        (b"[]", "not an object"),
        (b"{}", "lists no sections"),
        (b'{"sections":{}}', "lists no sections"),
        (b'{"sections":[5]}', "malformed"),
    ],
)
def test_a_manifest_that_is_none_is_refused(tmp_path: Path, manifest: bytes, message: str) -> None:
    length = len(resign(manifest, 0))
    (tmp_path / "e").write_bytes(resign(manifest, length))
    with pytest.raises(EngineFormatError, match=message):
        read_container(tmp_path / "e")


@pytest.mark.parametrize("lie", [1 << 62, (1 << 64) - 1, 1 << 40])
def test_lengths_that_lie_cost_nothing(tmp_path: Path, lie: int) -> None:
    """Also where the file is as long as it says: a sparse one, of zeros."""
    manifest = json.dumps({"sections": []}).encode()
    path = tmp_path / "e"
    path.write_bytes(resign(manifest, lie))
    with pytest.raises(EngineFormatError, match=f"expected {lie} bytes"):
        read_container(path)
    path.write_bytes(resign(manifest, 1 << 40, lie))
    os.truncate(path, 1 << 40)
    with pytest.raises(
        EngineFormatError, match=f"its manifest of {lie} bytes does not fit|do not fit this machine's memory"
    ):
        read_container(path)


def test_a_file_larger_than_memory_is_refused_before_it_is_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A sparse one, of zeros; whether or not the system would promise so much memory."""
    path, size = tmp_path / "e", 1 << 40
    for memory in (1 << 30, (1 << 40) - 1):
        monkeypatch.setattr("trtc.runtime.container.memory_bytes", lambda memory=memory: memory)
        entry = {"name": "a", "offset": 0, "length": size - PAGE, "sha256": "", "align": 64}
        path.write_bytes(resign(json.dumps({"sections": [entry]}).encode(), size))
        os.truncate(path, size)
        tracemalloc.start()
        with pytest.raises(EngineFormatError, match="do not fit this machine's memory"):
            read_container(path)
        assert tracemalloc.get_traced_memory()[1] < 1 << 20
        tracemalloc.stop()


def test_a_pipe_or_folder_is_no_engine(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    for path in (tmp_path / "pipe", Path("/dev/zero"), tmp_path):
        with pytest.raises(EngineFormatError, match=r"expected a file, got a|Is a directory"):
            read_container(path)


def test_what_is_done_to_a_file_later_changes_nothing(path: Path) -> None:
    _, sections = read_container(path)
    with path.open("r+b") as file:
        file.write(bytes(path.stat().st_size))
    path.open("wb").close()
    assert {name: bytes(section.data) for name, section in sections.items()} == {n: s.data for n, s in SECTIONS.items()}


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"offset": -64}, "out of place"),
        ({"offset": 1 << 40}, "out of place"),
        ({"length": 1 << 40}, "out of place"),
        ({"length": -1}, "out of place"),
        ({"align": 0}, "expected a power of two up to 4096"),
        ({"align": 3}, "expected a power of two up to 4096"),
        ({"sha256": "0" * 64}, "SHA-256"),
        ({"offset": "x"}, "malformed"),
        ({"offset": "0"}, "malformed"),
        ({"offset": 0.0}, "malformed"),
        ({"length": True}, "malformed"),
        ({"sha256": None}, "malformed"),
        ({"name": 5}, "malformed"),
        ({"more": 5}, "malformed"),
        ({"offset": 64}, "out of place"),
        ({"length": 10**400}, "out of place"),
        ({"align": 1 << 20}, "expected a power of two up to 4096"),
        ({"align": 128.0}, "malformed"),
        ({"length": 4}, "SHA-256"),
        ({"name": "empty"}, "repeated"),
    ],
)
def test_a_section_table_that_lies_is_refused(path: Path, change: dict[str, object], message: str) -> None:
    forge(path, {})
    read_container(path)
    forge(path, change)
    with pytest.raises(EngineFormatError, match=message):
        read_container(path)


def test_a_failed_write_leaves_the_old_file(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    before = path.read_bytes()

    def fail(*_: object) -> None:
        raise OSError("disk full")

    monkeypatch.setattr("trtc.runtime.files.os.replace", fail)
    with pytest.raises(OptionError, match="disk full"):
        write_container(path, {"other": 1}, {})
    assert path.read_bytes() == before
    assert [p.name for p in path.parent.iterdir()] == ["engine"]
