import json
import socket
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import Any

import datasets
import pyarrow
import pyarrow.parquet
import pytest

from s2s.corpus.hub import HubSplit, hub_answers
from s2s.corpus.pairs import Pair, open_pairs
from s2s.errors import ConfigError, DataError, HubError, S2SError

README = """---
configs:
- config_name: de-en
  data_files:
  - split: train
    path: data/train.jsonl
  - split: test
    path: data/test.jsonl
- config_name: other
  data_files:
  - split: train
    path: data/train.jsonl
---
"""


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(datasets.config, "HF_DATASETS_CACHE", tmp_path / "cache")


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A local dataset in the hub's layout."""
    folder = tmp_path / "corpus"
    (folder / "data").mkdir(parents=True)
    (folder / "README.md").write_text(README)
    for split in ("train", "test"):
        rows = [{"translation": {"de": f"{split} {n} ü", "en": f"{split} {n}"}} for n in range(10)]
        (folder / "data" / f"{split}.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    monkeypatch.chdir(tmp_path)
    return folder


def opened(spec: str, **columns: str) -> list[Pair]:
    return list(open_pairs(spec, source="en", target="de", **columns))


def error_of(spec: str) -> S2SError:
    with pytest.raises(S2SError) as caught:
        opened(spec)
    return caught.value


@pytest.mark.parametrize(
    ("spec", "n", "last"),
    [
        ("hf:./corpus/de-en:train", 10, "train 9 ü"),
        ("hf:./corpus/de-en:test", 10, "test 9 ü"),
        ("hf:./corpus/de-en:train[:3]", 3, "train 2 ü"),
        ("hf:./corpus/de-en:train[:20%]", 2, "train 1 ü"),
        ("hf:./corpus/de-en:train[:2]+test[4:6]", 4, "test 5 ü"),
        ("hf:./corpus/other:train", 10, "train 9 ü"),
        ("hf:{}/corpus/other:train", 10, "train 9 ü"),
    ],
)
def test_local_folder_with_configurations(folder: Path, spec: str, n: int, last: str) -> None:
    pairs = opened(spec.format(folder.parent))
    assert len(pairs) == n
    assert pairs[-1] == Pair(last.removesuffix(" ü"), last, spec.format(folder.parent), n)


def test_local_folder_of_flat_parquet_without_a_readme(tmp_path: Path) -> None:
    table = pyarrow.table({"id": [1, 2], "target": ["eins", None], "source": ["one", "two\nlines"]})
    (tmp_path / "flat").mkdir()
    pyarrow.parquet.write_table(table, tmp_path / "flat" / "train.parquet")
    spec = f"hf:{tmp_path}/flat:train"
    assert [pair[:2] for pair in opened(spec)] == [("one", "eins"), ("two lines", "")]
    identity = open_pairs(spec, source="en", target="de").identity()
    assert json.loads(json.dumps(identity))[0]["columns"] == ["source", "target"]
    assert identity[0]["n_rows"] == 2


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("train.tsv", 'en\tde\nA dog.\tEin Hund.\n"Stop\tHalt\nHe ran.\tEr lief.\nhe said"\tsagte er\nNA\tk. A.\n'),
        ("train.csv", 'en,de\nNone,Keine\nNA,k. A.\nnull,Null\n"a, b",c\n'),
    ],
)
def test_a_table_is_read_as_it_is_without_the_library(tmp_path: Path, name: str, text: str) -> None:
    (tmp_path / "table").mkdir()
    (tmp_path / "table" / name).write_text(text, "utf-8")
    pairs = [pair[:2] for pair in opened(f"hf:{tmp_path}/table:train")]
    assert pairs == [pair[:2] for pair in opened(f"{tmp_path}/table/{name}")]
    assert len(pairs) == text.count("\n") - 1


def test_a_changed_local_file_is_noticed(folder: Path) -> None:
    spec = "hf:./corpus/de-en:train"
    before = open_pairs(spec, source="en", target="de").fingerprint
    path = folder / "data" / "train.jsonl"
    path.write_text(path.read_text().replace("train 0", "TRAIN 0"))
    assert opened(spec)[0].src == "TRAIN 0"
    assert open_pairs(spec, source="en", target="de").fingerprint != before


@pytest.mark.parametrize(
    ("spec", "message"),
    [
        ("hf:./corpus/fr-en:train", "no configuration fr-en; there are: de-en, other"),
        ("hf:./corpus:train", "several configurations; there are: de-en, other"),
        ("hf:./corpus/de-en:dev", "'train', 'test'"),
        ("hf:./corpus/de-en:train[a:b]", "train[:1000]"),
        ("hf:./corpus/de-en:train@main", "has no revisions"),
    ],
)
def test_what_a_local_folder_does_not_have(folder: Path, spec: str, message: str) -> None:
    error = error_of(spec)
    assert isinstance(error, ConfigError)
    assert error.where == spec
    assert message in str(error)


def test_a_folder_that_could_be_a_hub_name(folder: Path) -> None:
    assert "Write hf:./corpus/data" in str(error_of("hf:corpus/data:train"))


def test_columns_that_a_dataset_does_not_have(folder: Path) -> None:
    with pytest.raises(DataError, match=r"no columns for en and fr; there are: translation, translation\.de"):
        list(open_pairs("hf:./corpus/de-en:train", source="en", target="fr"))


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("train.jsonl", '{"en": "a", "de": "b"}\n{"en": \n', "JSON"),
        ("train.jsonl", '{"en": "a", "de": 1}\n', "column de holds int64"),
        ("bad.py", "raise SystemExit", "loading script"),
        ("bad.unknown", "", "no data files"),
    ],
)
def test_bad_local_folders(tmp_path: Path, name: str, content: str, message: str) -> None:
    (tmp_path / "bad").mkdir()
    (tmp_path / "bad" / name).write_text(content)
    error = error_of(f"hf:{tmp_path}/bad:train")
    assert isinstance(error, DataError)
    assert message in str(error)


@pytest.mark.parametrize(
    ("spec", "parts"),
    [
        ("hf:wmt/wmt14/de-en:train", ("wmt/wmt14", "de-en", "train", None)),
        ("hf:Helsinki-NLP/opus-100:test", ("Helsinki-NLP/opus-100", None, "test", None)),
        ("hf:squad:validation", ("squad", None, "validation", None)),
        ("hf:a/b:train[:500000]@refs/convert/parquet", ("a/b", None, "train[:500000]", "refs/convert/parquet")),
        ("hf:a/b/c:train[10%:20%]+test@0f3a", ("a/b", "c", "train[10%:20%]+test", "0f3a")),
    ],
)
def test_parts_of_a_spec(spec: str, parts: tuple[Any, ...]) -> None:
    split = HubSplit.parse(spec, wanted=None)  # type: ignore[arg-type]
    assert (split.name, split.config, split.split, split.revision) == parts


def test_offline_fails_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(datasets.config, "HF_HUB_OFFLINE", True)
    start = time.monotonic()
    error = error_of("hf:wmt/wmt14/de-en:train")
    assert time.monotonic() - start < 1.0
    assert isinstance(error, HubError)
    assert error.exit_code == 69
    assert "no local copy" in str(error)


class Hub(BaseHTTPRequestHandler):
    """A hub that refuses in the way that `refusal` says."""

    refusal: tuple[int, str] = (404, "")

    def do_GET(self) -> None:
        if self.path == "/":
            self.send_response(200)
        else:
            self.send_response(self.refusal[0])
            if self.refusal[1]:
                self.send_header("X-Error-Code", self.refusal[1])
        self.send_header("Content-Length", "0")
        self.end_headers()

    do_HEAD = do_GET

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture
def hub(monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    server = ThreadingHTTPServer(("127.0.0.1", 0), Hub)
    thread = Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    thread.join()
    server.server_close()


def test_whether_the_hub_answers(hub: str, monkeypatch: pytest.MonkeyPatch) -> None:
    assert hub_answers(hub)
    assert hub_answers(f"{hub}/an/error/is/an/answer")
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))
        assert not hub_answers(f"http://127.0.0.1:{closed.getsockname()[1]}")
    with socket.socket() as silent:
        silent.bind(("127.0.0.1", 0))
        silent.listen()
        monkeypatch.setattr("s2s.corpus.hub.REACH_SECONDS", 0.2)
        assert not hub_answers(f"http://127.0.0.1:{silent.getsockname()[1]}")


@pytest.mark.parametrize(
    ("kind", "text", "message"),
    [
        (datasets.exceptions.DatasetNotFoundError, "Dataset 'a/b' is a gated dataset on the Hub. ...", "asked for"),
        (datasets.exceptions.DatasetNotFoundError, "Dataset 'a/b' doesn't exist on the Hub ...", "no such dataset"),
        (datasets.exceptions.DatasetNotFoundError, "Revision 'x' doesn't exist for dataset ...", "no revision x"),
        (RuntimeError, "Dataset scripts are no longer supported, but found b.py", "refs/convert/parquet"),
        (OSError, "Client error '401 Unauthorized' for url 'https://…'", "or it is private"),
        (ConnectionError, "Couldn't reach 'a/b' on the Hub (LocalEntryNotFoundError)", "cannot be reached"),
        (ZeroDivisionError, "something new", "cannot be loaded: something new"),
    ],
)
def test_refusals_of_the_hub(monkeypatch: pytest.MonkeyPatch, kind: type[Exception], text: str, message: str) -> None:
    def refuse(*_: object, **__: object) -> None:
        raise kind(text)

    monkeypatch.setattr(datasets, "load_dataset_builder", refuse)
    monkeypatch.setattr("s2s.corpus.hub.hub_answers", lambda _: True)
    error = error_of("hf:a/b:train@x")
    assert isinstance(error, HubError)
    assert error.where == "hf:a/b:train@x"
    assert message in str(error)
