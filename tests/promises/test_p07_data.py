"""P7: bad training data is found before training starts, with the file, the line and what to do."""

import gzip
import struct
from collections.abc import Callable
from pathlib import Path

import pyarrow
import pyarrow.parquet
import pytest
from children import Server
from trainings import Training

N = 200
EN = [f"one red dog {number}" for number in range(N)]
DE = [f"eins Hund rot {number}" for number in range(N)]


def lines(texts: list[str], encoding: str = "utf-8") -> bytes:
    return "".join(f"{text}\n" for text in texts).encode(encoding)


def changed(texts: list[str], line: int, text: str) -> list[str]:
    return [*texts[: line - 1], text, *texts[line:]]


def tsv(rows: list[tuple[str, ...]]) -> bytes:
    return b"".join("\t".join(row).encode() + b"\n" for row in rows)


def parquet(folder: Path, **columns: list[object]) -> bytes:
    path = folder / "made.parquet"
    pyarrow.parquet.write_table(pyarrow.table(columns), path, write_page_checksum=True)
    return path.read_bytes()


PAIRS = list(zip(EN, DE, strict=True))
JSON = [f'{{"en": "{en}", "de": "{de}"}}' for en, de in PAIRS]
LFS = b"version https://git-lfs.github.com/spec/v1\noid sha256:%s\nsize 12345\n"
TEXT = "bad.{en,de}"
GOOD = {"bad.en": lines(EN), "bad.de": lines(DE)}

# name: (files, spec, where it has to say that it is, words of the message, more arguments)
Bad = tuple[dict[str, bytes | None], str, str, str, list[str]]


def text(where: str, words: str, more: list[str] | None = None, **files: bytes | None) -> Bad:
    """Two text files, good ones but for `en` or `de`; None for none."""
    return {**GOOD, **{f"bad.{side}": content for side, content in files.items()}}, TEXT, where, words, more or []


def table(ending: str, content: bytes, where: str, words: str) -> Bad:
    return {f"bad.{ending}": content}, f"bad.{ending}", where, words, []


def corpora(folder: Path) -> dict[str, Bad]:
    """Thirty and some kinds of bad data."""
    whole_gz = gzip.compress(lines(EN), mtime=0)
    flipped_gz = bytearray(whole_gz)
    flipped_gz[-6] ^= 255
    flipped_parquet = bytearray(parquet(folder, en=EN, de=DE))
    flipped_parquet[200] ^= 255
    good_parquet = parquet(folder, en=EN, de=DE)
    return {
        "Latin-1 source": text("bad.en:17:", "(byte 0xE9 at column", en=lines(changed(EN, 17, "un café"), "latin-1")),
        "Latin-1 target": text("bad.de:200:", "not UTF-8", de=lines(changed(DE, 200, "schön"), "latin-1")),
        "a cut character": text("bad.de:200:", "not UTF-8", de=lines(DE)[:-1] + "ü".encode()[:1]),
        "a lone surrogate": text("bad.en:3:", "not UTF-8", en=lines(EN[:2]) + b"\xed\xa0\x80\n" + lines(EN[3:])),
        "UTF-16": text("bad.en", "UTF-16", en=lines(EN, "utf-16")),
        "UTF-32": text("bad.de", "UTF-32", de=b"\xff\xfe\0\0" + lines(DE, "utf-32-le")),
        "a picture": text("bad.en", "no text", en=b"\x89PNG\r\n\x1a\n" + struct.pack(">50I", *range(50))),
        "UTF-32 without its mark": text("bad.en", "bytes of value 0", en=lines(EN, "utf-32-be")),
        "zeros after a crash": text("bad.de", "bytes of value 0", de=bytes(8192) + lines(DE)),
        "a line missing in the source": text("bad.en has 199 lines", "bad.de 200", en=lines(EN[:99] + EN[100:])),
        "a line missing in the target": text("bad.en has 200 lines", "bad.de 199", de=lines(DE[:99] + DE[100:])),
        "a target half as long": text("bad.en has 200 lines", "bad.de 100", de=lines(DE[:100])),
        "no source": text("bad.en", "no such file", en=None),
        "no target": text("bad.de", "no such file", de=None),
        "an empty source": text("bad.en has 0 lines", "bad.de 200", en=b""),
        "nothing at all": text("data.train", "no text", en=b"", de=b""),
        "blank lines only": text("data.train", "no text", en=b"\n" * N, de=b" \n" * N),
        "one side blank": text("train split", "empty target", de=b"\n" * N),
        "all too long": text("train split", "too long", ["--set", "data.max_length=2"]),
        "the same text twice": text("bad.{en,de}", "the same content", de=lines(EN)),
        "pointers of Git LFS": text("bad.en", "git lfs pull", en=LFS % (b"0" * 64), de=LFS % (b"1" * 64)),
        "more characters than pieces": text("vocab.size", "too few", en=lines([chr(0x4E00 + n) for n in range(N)])),
        "a folder": ({"bad.tsv/x": b""}, "bad.tsv", "bad.tsv", "folder", []),
        "an unknown ending": table("docx", b"PK", "bad.docx", "ending"),
        "gzip cut off": ({**GOOD, "bad.en.gz": whole_gz[:-20]}, "bad.en.gz,bad.de", "bad.en.gz", "damaged", []),
        "gzip damaged": ({**GOOD, "bad.en.gz": bytes(flipped_gz)}, "bad.en.gz,bad.de", "bad.en.gz", "damaged", []),
        "gzip in name only": ({**GOOD, "bad.en.gz": lines(EN)}, "bad.en.gz,bad.de", "bad.en.gz", "damaged", []),
        "zstd in name only": ({**GOOD, "bad.en.zst": lines(EN)}, "bad.en.zst,bad.de", "bad.en.zst", "damaged", []),
        "TSV without a tab": table("tsv", tsv([*PAIRS[:41], ("no tab",)]), "bad.tsv:42:", "1 cell in a table of 2"),
        "TSV with a cell too many": table("tsv", tsv([*PAIRS[:9], ("a", "b", "c")]), "bad.tsv:10:", "3 cells"),
        "TSV of four columns, no header": table("tsv", tsv([("1", "a", "2", "b")]), "bad.tsv:1:", "4 columns"),
        "CSV with an open quote": table("csv", b'en,de\n"a,b\n' + b"c,d\n" * 9, "bad.csv:2:", "malformed CSV"),
        "CSV of other languages": table("csv", b"fr,it\na,b\n", "bad.csv:1:", "there are: fr, it"),
        "JSON cut off": table("jsonl", "\n".join([*JSON[:6], JSON[6][:-5]]).encode(), "bad.jsonl:7:", "malformed JSON"),
        "JSON without a side": table("jsonl", "\n".join([JSON[0], '{"en": ""}']).encode(), "bad.jsonl:2:", "no column"),
        "JSON with numbers": table("jsonl", b'{"en": "a", "de": 5}\n', "bad.jsonl:1:", "holds a number"),
        "one JSON list": table("jsonl", f"[{','.join(JSON)}]".encode(), "bad.jsonl:1:", "no JSON object"),
        "Parquet damaged": table("parquet", bytes(flipped_parquet), "bad.parquet", "damaged"),
        "Parquet cut off": table("parquet", good_parquet[:-20], "bad.parquet", "Parquet"),
        "Parquet of other columns": table("parquet", parquet(folder, x=EN, y=DE), "bad.parquet", "there are: x, y"),
        "a dataset that is not there": ({}, "hf:./nothing:train", "hf:./nothing:train", "no", []),
        "an unknown hub form": ({}, "hf:name", "hf:name", "form", []),
    }  # fmt: skip


@pytest.mark.parametrize("split", ["train", "valid", "test"])
def test_bad_data_is_found_before_training(
    server: Server,
    data: Path,
    tmp_path: Path,
    measured: Callable[[str, str], None],
    split: str,
) -> None:
    wrong, found = [], corpora(tmp_path)
    only_of_train = {"all too long", "one side blank", "more characters than pieces", "the same text twice"}
    for number, (name, (files, spec, where, words, more)) in enumerate(found.items()):
        if split != "train" and name in only_of_train:
            continue
        training = Training(server, tmp_path / str(number), data)
        for file, content in files.items():
            path = training.home / file
            path.parent.mkdir(exist_ok=True)
            if content is not None:
                path.write_bytes(content)
        done = training.go(["--set", f"data.{split}={spec}", *more])
        message, _, hint = done.stderr[done.stderr.find("error: ") :].rstrip("\n").partition("\n  ")
        if split != "train" and f"no pair is left of the {split} split" in message:
            words = where = ""
        lacks = [
            f"code {done.code}" if done.code not in (65, 66, 78) else "",
            f"not where: {where}" if where not in message else "",
            f"not what: {words}" if words not in done.stderr else "",
            "" if hint else "no hint",
            "trained" if list(training.run.glob("checkpoints/step-*")) else "",
            "a traceback" if "Traceback" in done.stderr else "",
        ]
        if any(lacks):
            wrong.append(f"{name}: {', '.join(filter(None, lacks))}: {done.stderr[-300:]}")
    if split == "train":
        measured(
            "P7",
            f"{len(found)} kinds of bad data: {len(found) - len(wrong)} found before training, with place and advice",
        )
    assert not wrong, "\n\n".join(wrong)
