"""Evaluation: what is scored, what is kept, what is refused."""

import contextlib
import json
import math
from pathlib import Path

import pytest
import sacrebleu
from small_corpus import small_config

from s2s.errors import DataError, InputMissingError, UsageError
from s2s.jobs.evaluate import evaluate, table, tell_notes
from s2s.jobs.export import export
from s2s.jobs.test_sets import files_as_test_set
from s2s.jobs.train import train


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run trained well enough to say something."""
    config = small_config(tmp_path_factory.mktemp("evaluate"), max_steps=100, batch_tokens=256, validate_every=50)
    return train(config).run


def test_scores_are_those_of_sacrebleu_on_what_is_kept(run: Path) -> None:
    evaluation = evaluate(run, split="valid")
    folder = run / "eval" / "valid"
    hypotheses = (folder / "hypotheses.txt").read_text("utf-8").split("\n")[:-1]
    references = (run.parent / "train.de").read_text("utf-8").split("\n")[:-1]
    assert len(hypotheses) == 60
    assert evaluation.score("BLEU") == pytest.approx(sacrebleu.corpus_bleu(hypotheses, [references]).score)
    assert evaluation.score("chrF2") == pytest.approx(sacrebleu.corpus_chrf(hypotheses, [references]).score)
    assert evaluation.score("TER") == pytest.approx(sacrebleu.corpus_ter(hypotheses, [references]).score)
    assert evaluation.ppl == pytest.approx(math.exp(evaluation.nll))
    kept = json.loads((folder / "scores.json").read_bytes())
    assert [score["signature"] for score in kept["scores"]] == [score.signature for score in evaluation.scores]


def test_perplexity_is_that_of_validation_during_training(run: Path) -> None:
    metrics = [json.loads(line) for line in (run / "metrics.jsonl").read_text().split("\n")[:-1]]
    last = [record["nll"] for record in metrics if record["kind"] == "valid"][-1]
    chosen = json.loads((run / "model" / "config.json").read_bytes())["facts"]["chosen"]
    assert chosen == "last", "of the other weights, training tells no perplexity"
    assert evaluate(run, split="valid").nll == pytest.approx(last, rel=1e-4)


def test_files_can_be_scored_and_the_table_names_them(run: Path, tmp_path: Path) -> None:
    (tmp_path / "mine.en").write_text("one cat\n\nred dog\n", "utf-8")
    (tmp_path / "mine.de").write_text("Katze eins\n\nHund rot\n", "utf-8")
    evaluation = evaluate(run, files_as_test_set(tmp_path / "mine.en", tmp_path / "mine.de"), beam=1)
    assert (evaluation.n_sentences, evaluation.notes["empty"], evaluation.beam) == (3, 1, 1)
    assert (run / "eval" / "mine.en" / "hypotheses.txt").read_text("utf-8").count("\n") == 3
    assert (evaluation.precision, evaluation.n_sentences) == ("float32", 3)
    assert "mine.en" in table([evaluation])
    assert "float32" in table([evaluation])
    scores = json.loads((run / "eval" / "mine.en" / "scores.json").read_text("utf-8"))
    assert (scores["precision"], scores["beam"]) == ("float32", 1)


def test_what_the_model_was_trained_on_is_counted(
    run: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    known = [(run.parent / f"train.{side}").read_text("utf-8").split("\n")[7:9] for side in ("en", "de")]
    (tmp_path / "mine.en").write_text("\n".join([*known[0], "dog dog dog dog dog dog", ""]) + "\n", "utf-8")
    (tmp_path / "mine.de").write_text("\n".join([known[1][0], "Hund Hund", known[1][1], ""]) + "\n", "utf-8")
    text = files_as_test_set(tmp_path / "mine.en", tmp_path / "mine.de")
    evaluation = evaluate(run, text, beam=1)
    assert (evaluation.notes["known_source"], evaluation.notes["known_pair"]) == (2, 1)
    tell_notes(evaluation)
    assert "note: mine.en: 2 of 4 sentences have their source in the training text" in capsys.readouterr().err
    assert "known_source" not in evaluate(run / "model", text, beam=1).notes  # it has no text with it

    meta = run / "store" / "train" / "meta.json"
    content = meta.read_bytes()
    meta.write_bytes(b"{")
    try:
        assert "known_source" not in evaluate(run, text, beam=1).notes
    finally:
        meta.write_bytes(content)
    assert "whether sentences are in the training text cannot be said" in capsys.readouterr().err


def test_a_model_folder_alone_can_be_evaluated_but_nothing_is_kept(run: Path, tmp_path: Path) -> None:
    before = sorted(path.name for path in (run / "model").iterdir())
    (tmp_path / "a").write_text("one cat\n")
    (tmp_path / "b").write_text("Katze eins\n")
    text = files_as_test_set(tmp_path / "a", tmp_path / "b")
    evaluate(run / "model", text)
    with contextlib.chdir(run / "model"):
        evaluate(".", text)
        with pytest.raises(UsageError, match="a model alone"):
            export(Path(), "bundle")
    assert sorted(path.name for path in (run / "model").iterdir()) == before


def test_what_cannot_be_scored_is_refused(run: Path, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="no test split"):
        evaluate(run)
    with pytest.raises(InputMissingError, match="no such model"):
        evaluate(tmp_path / "nothing", split="valid")
    (tmp_path / "a").write_text("one\n")
    (tmp_path / "b").write_text("eins\nzwei\n")
    (tmp_path / "stopped" / "checkpoints").mkdir(parents=True)
    with pytest.raises(InputMissingError, match=r"stopped before the first validation: s2s train .* goes on"):
        evaluate(tmp_path / "stopped", split="valid")
    for name in ("valid", "test-de"):  # the names of what is kept of a run's split
        with pytest.raises(UsageError, match="rename it"):
            files_as_test_set(tmp_path / name, tmp_path / "b")
    with pytest.raises(DataError, match="1 lines"):
        files_as_test_set(tmp_path / "a", tmp_path / "b")
