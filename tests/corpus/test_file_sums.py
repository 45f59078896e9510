import hashlib
import json
import os
import time
from pathlib import Path
from typing import Any

import pytest

import s2s.corpus.file_sums
from s2s.corpus.file_sums import FileSums
from s2s.errors import InputMissingError


@pytest.fixture(autouse=True)
def _small_files_count(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(s2s.corpus.file_sums, "_WORTHWHILE", 1)
    monkeypatch.setattr(s2s.corpus.file_sums, "_TICK_NS", -1)


def sha256(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


def looked_up(text: Path, memory: Path, **options: Any) -> str:
    sums = FileSums(memory, **options)
    found = sums.identity(text)
    assert found["path"] == str(text)
    assert found["bytes"] == text.stat().st_size
    sums.save()
    return str(found["sha256"])


def forge(memory: Path, *, with_its_sum: bool = True) -> None:
    content = json.loads(memory.read_bytes())
    for entry in content["files"].values():
        entry[-1] = "remembered"
    if with_its_sum:
        content["sha256"] = hashlib.sha256(json.dumps(content["files"], sort_keys=True).encode()).hexdigest()
    memory.write_text(json.dumps(content))


@pytest.fixture
def text(tmp_path: Path) -> Path:
    path = tmp_path / "x.en"
    path.write_text("a dog\n" * 100)
    return path


def test_an_untouched_file_is_not_read_again(text: Path, tmp_path: Path) -> None:
    memory = tmp_path / "sums.json"
    assert looked_up(text, memory) == sha256(text)
    forge(memory)
    assert looked_up(text, memory) == "remembered"
    assert looked_up(text, memory, believe=False) == sha256(text)
    assert looked_up(text, memory) == sha256(text)


def test_damaged_sums_are_not_believed(text: Path, tmp_path: Path) -> None:
    memory = tmp_path / "sums.json"
    looked_up(text, memory)
    forge(memory, with_its_sum=False)
    assert looked_up(text, memory) == sha256(text)


@pytest.mark.parametrize("change", ["longer", "other text", "other text, old time", "another file"])
def test_a_file_that_changed_is_read(text: Path, tmp_path: Path, change: str) -> None:
    memory = tmp_path / "sums.json"
    looked_up(text, memory)
    forge(memory)
    before = text.stat()
    time.sleep(0.02)  # more than a tick of the clock
    if change == "longer":
        with text.open("a") as file:
            file.write("x\n")
    elif change == "another file":
        (tmp_path / "y").write_bytes(text.read_bytes())
        (tmp_path / "y").replace(text)
    else:
        text.write_text("a cat\n" * 100)
    if change == "other text, old time":
        os.utime(text, ns=(before.st_atime_ns, before.st_mtime_ns))
    assert looked_up(text, memory) == sha256(text)


def test_what_has_just_changed_is_not_remembered(text: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(s2s.corpus.file_sums, "_TICK_NS", 10**10)
    looked_up(text, tmp_path / "sums.json")
    assert not (tmp_path / "sums.json").exists()


def test_small_files_are_read(text: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(s2s.corpus.file_sums, "_WORTHWHILE", 10**6)
    looked_up(text, tmp_path / "sums.json")
    assert not (tmp_path / "sums.json").exists()


@pytest.mark.parametrize(
    "content", [b"", b"[]", b"{}", b'{"format": 2, "files": {}}', b'{"format": 1, "files": {"x": [1, 2]}}', b"\xff"]
)
def test_a_memory_that_is_none(text: Path, tmp_path: Path, content: bytes) -> None:
    memory = tmp_path / "sums.json"
    memory.write_bytes(content)
    assert looked_up(text, memory) == sha256(text)


def test_no_file(tmp_path: Path) -> None:
    with pytest.raises(InputMissingError):
        FileSums().identity(tmp_path / "nothing")
