"""P4, P5, P17: any bytes in, as many lines out, in order, each translated as if it were alone, in flat memory."""

import io
import json
import os
import random
import subprocess
import sys
import threading
from collections.abc import Callable
from pathlib import Path

import pytest
from children import ROOT, Server

GOLDEN = Path(__file__).parent.parent / "golden" / "model"
BREAKS = set("\n\r\x0b\x0c\x1c\x1d\x1e\x85\u2028\u2029\x00")
NASTY = [
    b"one two", b"red dog", b" ", b"\t", b"\r", b"\x00", b"\x01\x1f\x7f", b"\x0b\x0c\x1c\x1d\x1e", b"\xff",
    b"\xc3", b"\xed\xa0\x80", b"\xef\xbb\xbf", b"\xfe\xff", b"\xf4\x90\x80\x80", b"</s>", b"<s>", b"<unk>",
    b"<pad>", b"<0x0A>", b"<0x0D>", b"|||", b"\\n", "\u2028".encode(), "\u2029".encode(), "\u0085".encode(),
    "\u200b".encode(), "\u202e".encode(), "\ufeff".encode(), "\ufffd".encode(), "▁".encode(), "▁▁one".encode(),
    "e\u0301".encode(), "😀".encode(), "🏳️‍🌈".encode(), "漢字。".encode(), "ﷺ".encode(), "\U0010ffff".encode(),
    "\ue000".encode(), "İ".encode(), "½…".encode(), "שלום".encode(), b"{\"a\": [", b"a" * 300,
]  # fmt: skip


def lines_of(random_: random.Random) -> list[bytes]:
    """Some lines, as bad as they come."""

    def line() -> bytes:
        match random_.randrange(5):
            case 0:
                return random_.randbytes(random_.randrange(60)).replace(b"\n", b"")
            case 1:
                return b""
            case 2 if random_.random() < 0.05:
                return b" ".join(random_.choices(NASTY, k=400))
            case _:
                glue = random_.choice([b"", b" "])
                return glue.join(random_.choices(NASTY, k=random_.randrange(1, 8)))

    return [line() for _ in range(random_.randrange(0, 8))]


def translate_many(seed: int, n_inputs: int) -> None:
    """Translate inputs, each a file of its own, and print what went wrong."""
    from s2s.corpus.text import decode_line
    from s2s.decoding.translator import Translator
    from s2s.jobs.translate import translate_stream

    translator = Translator.load(GOLDEN, "cpu")
    random_ = random.Random(seed)
    n_lines, wrong = 0, []
    alone: dict[tuple[str, int], str] = {}  # each line translated by itself
    for number in range(n_inputs):
        lines = lines_of(random_)
        content = b"\n".join(lines) + (b"\n" if lines and random_.random() < 0.7 else b"")
        expected = content.count(b"\n") + (not content.endswith(b"\n") and content != b"")
        sink = io.BytesIO()
        form = random_.choice(["text", "text", "json", "scores"])
        options = translator.options(beam=random_.choice([1, 1, 3]))
        translate_stream(translator, options, io.BytesIO(content), sink, form)
        out = sink.getvalue().decode("utf-8")
        given = out.split("\n")
        breaks = set() if form == "json" else BREAKS & set("".join(given))  # JSON repeats the source, quoted
        if len(given) != expected + 1 or given[-1] or breaks:
            wrong.append(f"seed {seed}, input {number}: {expected} lines in, {len(given) - 1} out")
        decoded = [decode_line(line, first=index == 0)[0] for index, line in enumerate(io.BytesIO(content))]
        found = given[:-1]
        if form == "json":
            records = [json.loads(line) for line in found]
            found = [record["translation"] for record in records]
            if [record["source"] for record in records] != decoded:
                wrong.append(f"seed {seed}, input {number}: sources")
        if form == "scores":
            found = [line.partition("\t")[2] for line in found]
        for line, translation in zip(decoded, found, strict=False):
            if (line, options.beam) not in alone:
                alone[line, options.beam] = translator.translate_lines([line], options)[0].text
            if translation != alone[line, options.beam]:
                wrong.append(f"seed {seed}, input {number}: {line!r} became {translation!r}")
        n_lines += expected
    print(json.dumps([n_lines, wrong]))


def test_as_many_lines_out_as_in(
    server: Server, size: Callable[[int, int], int], measured: Callable[[str, str], None]
) -> None:
    n_inputs, n_lines, wrong = size(200, 10_000), 0, []
    for seed in range(n_inputs // 200):
        done = server.call(translate_many, seed, 200)
        assert done.code == 0, done.stderr
        lines, found = json.loads(done.stdout)
        n_lines += lines
        wrong += found
    measured("P4", f"{n_inputs:,} fuzzed inputs, {n_lines:,} lines: {len(wrong)} lost or out of order")
    assert not wrong


def test_very_long_lines_and_very_many_empty_ones(
    server: Server, tmp_path: Path, size: Callable[[int, int], int], measured: Callable[[str, str], None]
) -> None:
    n_empty, n_words = size(20_000, 1_000_000), size(2_000, 25_000)
    long = [b"one " * n_words, b"x" * (4 * n_words), b"one. two! " * (n_words // 2)]
    done = server.s2s(
        "translate", "--model", GOLDEN, "--beam", "1", cwd=tmp_path, stdin=b"\n".join(long) + b"\n" * (n_empty + 1)
    )
    assert done.code == 0, done.stderr
    lines = done.stdout.split(b"\n")
    assert len(lines) == len(long) + n_empty + 1
    # nothing is cut: each part of a long line has a translation
    assert lines[0].count(b"eins") >= n_words // 12
    assert not any(lines[len(long) :])
    assert "translated in parts" in done.stderr
    measured(
        "P4", f"a line of {len(long[0]):,} characters, a word of {len(long[1]):,}, {n_empty:,} empty lines: all out"
    )


def in_any_company(seed: int, n_lines: int) -> None:
    """Translate lines alone, shuffled, in batches of several sizes; print how many differ in any bit."""
    from dataclasses import replace

    from s2s.decoding.translator import Translator

    words = ["one", "two", "three", "red", "blue", "cat", "dog"]
    random_ = random.Random(seed)
    lines = [" ".join(random_.choices(words, k=random_.randrange(1, 12))) for _ in range(n_lines)]
    translator = Translator.load(GOLDEN, "cpu")
    options = translator.options(beam=4)

    def found(chosen: list[str]) -> dict[str, tuple[str, float]]:
        translations = translator.translate_lines(chosen, options)
        return {one.source: (one.text, one.candidates[0].score) for one in translations}

    together = found(lines)
    alone = {line: found([line])[line] for line in lines}
    shuffled = found(random_.sample(lines, len(lines)))
    n_different = sum(together[line] != alone[line] or together[line] != shuffled[line] for line in lines)
    for size in (1, 7, 64):
        decode = translator.bundle.decode.model_copy(update={"batch_tokens": size * 16})
        other = Translator(replace(translator.bundle, decode=decode))
        parts = {one.source: (one.text, one.candidates[0].score) for one in other.translate_lines(lines, options)}
        n_different += sum(together[line] != parts[line] for line in lines)
    print(n_different)


def test_a_line_is_translated_as_if_it_were_alone(
    server: Server, size: Callable[[int, int], int], measured: Callable[[str, str], None]
) -> None:
    n_lines = size(60, 1000)
    done = server.call(in_any_company, 1, n_lines)
    assert done.code == 0, done.stderr
    measured("P5", f"{n_lines:,} lines alone, shuffled, in batches of 1, 7, 64: {int(done.stdout)} differ in any bit")
    assert int(done.stdout) == 0


def memory_of(pid: int) -> int:
    """Resident memory of a process in bytes."""
    for line in Path(f"/proc/{pid}/status").read_text("ascii").split("\n"):
        if line.startswith("VmRSS:"):
            return int(line.split()[1]) * 1024
    return 0


@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="memory is read from /proc")
def test_memory_is_flat_on_endless_input(
    tmp_path: Path, size: Callable[[int, int], int], measured: Callable[[str, str], None]
) -> None:
    n_lines = size(30_000, 1_000_000)
    command = [sys.executable, "-m", "s2s", "translate", "--model", str(GOLDEN), "--beam", "1"]
    pipe = subprocess.PIPE
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1"}
    with subprocess.Popen(
        command, stdin=pipe, stdout=pipe, stderr=subprocess.DEVNULL, cwd=tmp_path, env=environment
    ) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        stdin = process.stdin

        def feed() -> None:
            with stdin:
                for number in range(n_lines):
                    stdin.write(b"one red dog %d\n" % (number % 7))

        feeder = threading.Thread(target=feed)
        feeder.start()
        sizes: list[int] = []
        n_out = 0
        for n_out, _ in enumerate(process.stdout, start=1):
            if n_out % (n_lines // 20) == 0:
                sizes.append(memory_of(process.pid))
        feeder.join()
        assert process.wait() == 0
    assert n_out == n_lines
    growth = max(sizes[:-1]) - sizes[1]
    measured("P17", f"{n_lines:,} lines through a pipe: memory grew by {growth / 2**20:.1f} MiB after a tenth of them")
    assert growth < 50 * 2**20
