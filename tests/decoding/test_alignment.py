"""Alignments: the attention that the model computes; of the stored model, which translates backwards, mostly true."""

import io
import json
from pathlib import Path

import pytest
import torch
from typer.testing import CliRunner

from s2s.cli import app
from s2s.decoding.alignment import forced_pass, word_confidence, word_links
from s2s.decoding.forced import forced_log_probabilities
from s2s.decoding.translator import Translator
from s2s.jobs.translate import translate_stream
from s2s.symbols import BOS, EOS

GOLDEN = Path(__file__).parent.parent / "golden"
LINES = [source for source, _ in json.loads((GOLDEN / "translations.json").read_text("utf-8"))]


@pytest.fixture(scope="module")
def translator() -> Translator:
    return Translator.load(GOLDEN / "model", "cpu")


def backwards(n_words: int) -> list[tuple[int, int]]:
    return [(n_words - 1 - place, place) for place in range(n_words)]


def test_words_are_linked_to_what_they_translate(translator: Translator) -> None:
    found = translator.translate_lines(LINES, translator.options(), align=True)
    assert [one.text for one in found] == translator.translate(LINES)
    n_right = sum(len(set(one.alignment or []) & set(backwards(len(one.source.split())))) for one in found)
    # one layer of two heads: 23 of 32; by chance it would be one a line
    assert n_right >= 20
    assert found[LINES.index("")].alignment == []
    assert {one.alignment for one in translator.translate_lines(["one"], translator.options())} == {None}


def test_links_of_a_line_in_parts_lie_within_their_parts(translator: Translator) -> None:
    line = "one. two. " * 20 + "cat"
    [found] = translator.translate_lines([line], translator.options(beam=1), align=True)
    assert found.n_parts > 1
    assert found.alignment
    n_source, n_target = len(line.split()), len(found.text.split())
    assert all(0 <= source < n_source and 0 <= target < n_target for source, target in found.alignment)
    assert {target for _, target in found.alignment} <= set(range(n_target))
    assert max(source for source, _ in found.alignment) > n_source / 2


def test_words_are_counted_in_the_line_as_it_is(translator: Translator) -> None:
    plain, accent = (f"one{end} two three four five" for end in ("", "´s"))  # the accent becomes a space and an accent
    found = translator.translate_lines([plain, accent], translator.options(), align=True)
    last = [max(source for source, _ in one.alignment or []) for one in found]
    assert last == [4, 4]


def test_attention_is_the_model_s_own_whatever_the_batch(translator: Translator) -> None:
    model = translator.bundle.transformer
    pairs = [([20, 21, 22, 23], [24, 25]), ([22], [23, 24, 25, 26]), ([21, 20], [])]
    together = forced_pass(model, pairs)
    for (source, target), (weights_TS, log_probabilities_T) in zip(pairs, together, strict=True):
        assert weights_TS.shape == (len(target), len(source) + 1)
        torch.testing.assert_close(weights_TS.sum(dim=1), torch.ones(len(target)))
        src_BS, weights = torch.tensor([[*source, EOS]]), list[torch.Tensor]()
        model.decode(torch.tensor([[BOS, *target]]), model.encode(src_BS), src_BS, weights)
        expected = weights[max(0, len(weights) - 2)][0].mean(dim=0)[: len(target)]
        torch.testing.assert_close(weights_TS, expected, atol=1e-6, rtol=1e-5)
        [whole] = forced_log_probabilities(model, [(source, target)])
        end = model.projection(model.decode(torch.tensor([[BOS, *target]]), model.encode(src_BS), src_BS)[0, -1])
        assert float((log_probabilities_T.sum() + end.log_softmax(dim=0)[EOS]).detach()) == pytest.approx(
            whole, abs=1e-4
        )


def test_the_best_of_several_is_aligned_and_its_words_have_a_confidence(translator: Translator) -> None:
    lines = ["one. two. " * 20 + "cat", "cat one", ""]
    for options in (translator.options(beam=3), translator.options(n_best=3)):
        found = translator.translate_lines(lines, options, align=True)
        for one in found:
            assert one.alignment is not None
            assert one.confidence is not None
            assert len(one.confidence) == len(one.text.split())
            assert all(0 < probability <= 1 for probability in one.confidence)
        assert [len(one.candidates) for one in found] == [options.n_best, options.n_best, 1]
        assert found[1].alignment == [(1, 0), (0, 1)]


def test_a_word_s_confidence_is_the_geometric_mean_of_its_pieces() -> None:
    found = word_confidence(torch.tensor([0.5, 0.125, 0.9]).log(), [0, 0, 1])
    assert found == pytest.approx([0.25, 0.9])
    assert word_confidence(torch.empty(0), []) == []


def test_a_word_goes_where_most_of_its_attention_goes() -> None:
    weights_TS = torch.tensor([[0.3, 0.3, 0.4, 0.0], [0.1, 0.1, 0.2, 0.6], [0.0, 0.0, 0.9, 0.1]])
    assert word_links(weights_TS, [5, 5, 6], [0, 1, 2]) == [(5, 0), (6, 2)]  # word 1 looks at the end: no link
    assert word_links(weights_TS, [5, 5, 6], [0, 0, 0]) == [(6, 0)]
    assert word_links(torch.tensor([[1.0]]), [], [0]) == []
    assert word_links(torch.empty(0, 3), [0, 1], []) == []


def test_they_are_written_after_the_translation(translator: Translator) -> None:
    lines = [b"cat one\n", b"\n"]

    def written(form: str) -> list[str]:
        sink = io.BytesIO()
        translate_stream(translator, translator.options(), lines, sink, form, align=True)  # type: ignore[arg-type]
        return sink.getvalue().decode().split("\n")

    assert written("text") == ["eins Katze ||| 1-0 0-1", " ||| ", ""]
    assert written("scores")[0].endswith("\teins Katze ||| 1-0 0-1")
    record = json.loads(written("json")[0])
    assert record["alignment"] == [[1, 0], [0, 1]]
    assert len(record["confidence"]) == 2


def test_the_option(tmp_path: Path) -> None:
    call = ["translate", "--model", str(GOLDEN), "--device", "cpu", "--alignments", "cat one"]
    assert CliRunner().invoke(app, call).stdout == "eins Katze ||| 1-0 0-1\n"
    done = CliRunner().invoke(app, [*call, "--n-best", "2"])
    assert (done.exit_code, "--n-best" in done.stderr) == (2, True)
