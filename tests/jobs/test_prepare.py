"""What is read again when everything is there."""

from pathlib import Path

import pytest

import s2s.corpus.file_sums
import s2s.corpus.store
from s2s.config.schema import Config
from s2s.errors import DataError
from s2s.jobs.tokenize import prepare, tokenize
from s2s.jobs.train import train
from s2s.run_folder import RunFolder


@pytest.fixture
def large(monkeypatch: pytest.MonkeyPatch) -> None:
    """All text and all splits count as large."""
    monkeypatch.setattr(s2s.corpus.file_sums, "_WORTHWHILE", 1)
    monkeypatch.setattr(s2s.corpus.file_sums, "_TICK_NS", -1)
    monkeypatch.setattr(s2s.corpus.store, "_LARGE", 1)


def no_sum(*_: object) -> None:
    raise AssertionError("text is read")


@pytest.mark.usefixtures("large")
def test_training_does_not_read_large_text_that_is_encoded(
    tiny_config: Config, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = tokenize(tiny_config)
    monkeypatch.setattr(s2s.corpus.file_sums, "file_digest", no_sum)
    again = prepare(tiny_config, RunFolder(Path(tiny_config.run)), thorough=False)
    assert again.fingerprint == first.fingerprint
    with pytest.raises(AssertionError, match="text is read"):
        tokenize(tiny_config)


def test_a_header_that_is_not_known_is_said_once(
    tiny_config: Config, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "valid.tsv").write_text("one cat\teins Katze\ntwo\tzwei\n", "utf-8")
    data = tiny_config.data.model_copy(update={"valid": str(tmp_path / "valid.tsv")})
    tokenize(tiny_config.model_copy(update={"data": data}))
    assert capsys.readouterr().err.count("line 1 is a pair: one cat, eins Katze") == 1


@pytest.mark.usefixtures("large")
def test_training_stops_at_damaged_ids_and_tokenize_repairs_them(tiny_config: Config) -> None:
    tokenize(tiny_config)
    path = Path(tiny_config.run) / "store" / "train" / "tgt.ids"
    whole = path.read_bytes()
    path.write_bytes(bytes([whole[0] ^ 1]) + whole[1:])
    with pytest.raises(DataError, match=r"tgt\.ids is damaged"):
        train(tiny_config, device="cpu", threads=1)
    tokenize(tiny_config)
    assert path.read_bytes() == whole
    assert train(tiny_config, device="cpu", threads=1).n_steps == 12


@pytest.mark.usefixtures("large")
def test_text_that_changed_is_noticed(tiny_config: Config) -> None:
    first = tokenize(tiny_config)
    path = Path(str(tiny_config.data.train).replace("{en,de}", "en"))
    path.write_text(path.read_text("utf-8").replace("one", "six", 1), "utf-8")
    again = prepare(tiny_config, RunFolder(Path(tiny_config.run)), thorough=False)
    assert again.fingerprint != first.fingerprint
