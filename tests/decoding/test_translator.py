"""Lines in, lines out, with the stored model: it must translate the same for ever."""

import itertools
import json
import shutil
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from s2s.corpus.text import decode_line
from s2s.decoding import compiled
from s2s.decoding.batching import batches_by_length, even_batches
from s2s.decoding.bundle import load_bundle
from s2s.decoding.sampling import Sampling
from s2s.decoding.translator import Translator, _in_turn, split_points
from s2s.errors import DataError, InputMissingError, UsageError
from s2s.jobs.translate import CHUNK, say_that_pytorch_translates, translate_stream

GOLDEN = Path(__file__).parent.parent / "golden"
KNOWN = [tuple(pair) for pair in json.loads((GOLDEN / "translations.json").read_text("utf-8"))]


@pytest.fixture(scope="module", params=["by the fastest engine", "by PyTorch"])
def translator(request: pytest.FixtureRequest) -> Iterator[Translator]:
    with pytest.MonkeyPatch.context() as patch:
        if request.param == "by PyTorch":
            patch.setattr(compiled, "native", lambda: None)
        yield Translator.load(GOLDEN / "model", "cpu")


def test_the_stored_model_translates_as_ever(translator: Translator) -> None:
    assert len(KNOWN) == 10
    assert translator.translate([source for source, _ in KNOWN]) == [target for _, target in KNOWN]


def test_order_and_company_do_not_matter(translator: Translator) -> None:
    shuffled = [KNOWN[index] for index in (7, 3, 9, 0, 5, 1, 8, 2, 6, 4)] * 3
    assert translator.translate([source for source, _ in shuffled]) == [target for _, target in shuffled]
    assert [translator.translate([source])[0] for source, _ in KNOWN] == [target for _, target in KNOWN]


@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(raw=st.lists(st.one_of(st.binary(max_size=40), st.text(max_size=20).map(lambda t: t.encode("utf-8", "ignore")))))
def test_any_bytes_give_as_many_lines(translator: Translator, raw: list[bytes]) -> None:
    lines = [line.replace(b"\n", b" ") + b"\n" for line in raw]
    sink = _Sink()
    report = translate_stream(translator, translator.options(beam=1), lines, sink)  # type: ignore[arg-type]
    out = b"".join(sink.written).decode("utf-8")
    assert out.count("\n") == len(lines) == report.n_lines
    assert not set(out) & set("\r\x0b\x0c\x1c\x1d\x1e\x85\u2028\u2029\x00")
    for line, translation in zip(lines, out.split("\n"), strict=False):
        if not decode_line(line)[0].strip():
            assert translation == ""


class _Sink:
    def __init__(self) -> None:
        self.written: list[bytes] = []

    def write(self, data: bytes) -> None:
        self.written.append(data)

    def flush(self) -> None:
        pass


def test_an_error_while_reading_comes_through(translator: Translator) -> None:
    def broken() -> object:
        yield b"one\n"
        raise OSError("the disk is gone")

    with pytest.raises(OSError, match="the disk is gone"):
        translate_stream(translator, translator.options(), broken(), _Sink())  # type: ignore[arg-type]


def test_long_lines_are_translated_in_parts_and_nothing_is_cut(translator: Translator) -> None:
    line = "one. " * 30 + "cat"
    [translation] = translator.translate_lines([line], translator.options(beam=1))
    limit = translator.bundle.max_source_length
    n_pieces = len(translator.bundle.vocabularies.src.encode(line))
    assert translation.n_parts >= n_pieces / limit
    parts = translator._parts(line)
    assert [piece for part in parts for piece in part] == translator.bundle.vocabularies.src.encode(line)
    assert max(map(len, parts)) <= limit


@given(st.lists(st.sampled_from(["▁a", "b", ".", "▁c", "!"]), max_size=60), st.integers(1, 9))
def test_split_points_keep_parts_short_and_lose_nothing(pieces: list[str], limit: int) -> None:
    cuts = [0, *split_points(pieces, limit), len(pieces)]
    lengths = [end - start for start, end in itertools.pairwise(cuts)]
    assert sum(lengths) == len(pieces)
    assert max(lengths) <= limit
    assert len(pieces) == 0 or min(lengths) > 0


def test_a_line_is_split_after_a_sentence_if_it_can_be() -> None:
    assert split_points(["▁a", "b", ".", "▁c", "d", "▁e"], 5) == [3]
    assert split_points(["▁a", "b", "▁c", "d", "▁e", "f"], 5) == [4]
    assert split_points(["▁a", "b", "b", "b"], 3) == [3]
    assert split_points(["▁我", "在", "。", "你", "在", "。", "他"], 5) == [3]


@given(st.lists(st.integers(1, 30), max_size=50), st.integers(1, 60))
def test_batches_hold_every_row_once_within_the_budget(lengths: list[int], budget: int) -> None:
    batches = list(batches_by_length(lengths, budget))
    assert sorted(index for batch in batches for index in batch) == list(range(len(lengths)))
    for batch in batches:
        assert len(batch) == 1 or len(batch) * max(lengths[index] for index in batch) <= budget


def test_n_best_of_a_line_are_distinct_and_ordered(translator: Translator) -> None:
    options = translator.options(n_best=4)
    [translation] = translator.translate_lines(["three red cat"], options)
    assert len({candidate.text for candidate in translation.candidates}) == 4
    scores = [candidate.score for candidate in translation.candidates]
    assert scores == sorted(scores, reverse=True)
    assert translation.candidates[0].score == pytest.approx(
        translation.candidates[0].log_probability / translation.candidates[0].n_pieces
    )


FILES = ["model.safetensors", "config.json", "generation.json", "shared.model", "manifest.json"]


@pytest.mark.parametrize("name", FILES)
@pytest.mark.parametrize("damage", ["flip", "cut", "delete", "empty"])
def test_damage_to_any_file_is_refused_by_name(tmp_path: Path, name: str, damage: str) -> None:
    folder = tmp_path / "model"
    shutil.copytree(GOLDEN / "model", folder)
    path = folder / name
    content = bytearray(path.read_bytes())
    if damage == "flip":
        content[len(content) // 2] ^= 0x10
        path.write_bytes(content)
    elif damage == "cut":
        path.write_bytes(content[:-7])
    elif damage == "empty":
        path.write_bytes(b"")
    else:
        path.unlink()
    with pytest.raises((DataError, InputMissingError)) as caught:
        load_bundle(folder)
    if name not in ("manifest.json", "config.json") or damage != "delete":
        assert name in str(caught.value)


def test_a_config_that_asks_for_more_than_there_is_takes_no_memory(tmp_path: Path) -> None:
    from s2s.run_folder import build_folder

    folder = tmp_path / "model"
    with build_folder(folder) as temporary:
        for name in FILES[:-1]:
            shutil.copy(GOLDEN / "model" / name, temporary / name)
        config = json.loads((temporary / "config.json").read_bytes())
        config["model"]["d_model"] = 16_384
        config["model"]["n_encoder_layers"] = 100
        (temporary / "config.json").write_text(json.dumps(config))
    with pytest.raises(DataError, match="asks for over"):
        load_bundle(folder)


@given(lengths=st.lists(st.integers(1, 40), max_size=60), budget=st.integers(1, 200), n_workers=st.integers(1, 5))
def test_even_batches_have_every_line_once_and_keep_to_the_budget(
    lengths: list[int], budget: int, n_workers: int
) -> None:
    batches = even_batches(lengths, budget, n_workers)
    assert sorted(itertools.chain(*batches)) == list(range(len(lengths)))
    for batch in batches:
        assert len(batch) == 1 or len(batch) * max(lengths[index] for index in batch) <= budget
    fewest = len(list(batches_by_length(lengths, budget)))
    assert fewest <= len(batches) <= -(-fewest // n_workers) * n_workers


def test_it_says_that_it_is_slow(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setattr(compiled, "native", lambda: None)
    slow = Translator.load(GOLDEN / "model")
    assert slow.by_pytorch
    assert not Translator.load(GOLDEN / "model", precision="bf16").by_pytorch
    for n_lines, said in ((3, 0), (CHUNK, 1)):
        translate_stream(slow, slow.options(beam=1), [b"\n"] * n_lines, _Sink()).tell()  # type: ignore[arg-type]
        assert capsys.readouterr().err.count("the C engine is not compiled") == said
    monkeypatch.setenv("S2S_NATIVE", "off")
    say_that_pytorch_translates()
    assert "as S2S_NATIVE=off says" in capsys.readouterr().err


def test_workers_hear_that_nobody_waits_any_more() -> None:
    """So that Ctrl-C does not take as long as a batch of a large model."""
    is_over, is_begun = threading.Event(), threading.Event()
    heard: list[bool] = []

    def translate(batch: int) -> int:
        if batch:
            is_begun.set()
            heard.append(is_over.wait(10))
        return batch

    threads = torch.get_num_threads()
    torch.set_num_threads(2)
    try:
        found = _in_turn(translate, [0, 1], 2, is_over, alone=True)
        assert next(found) == 0
        assert is_begun.wait(10)
        found.close()  # type: ignore[attr-defined]
    finally:
        torch.set_num_threads(threads)
    assert heard == [True]


@pytest.mark.parametrize("sampling", [None, Sampling()])
def test_a_search_ends_between_two_steps(sampling: Sampling | None) -> None:
    translator = Translator.load(GOLDEN / "model")
    n_calls = 0

    def check_stop() -> None:
        nonlocal n_calls
        n_calls += 1
        if n_calls == 3:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        translator.translate_lines(["one two three cat dog"], translator.options(), check_stop, sampling=sampling)
    assert n_calls == 3


def test_one_text_is_no_list_of_lines() -> None:
    with pytest.raises(UsageError, match="a list of lines"):
        Translator.load(GOLDEN / "model").translate("cat one")
