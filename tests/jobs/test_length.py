"""For which length of translations the length penalty is chosen."""

import shutil
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from s2s.config.schema import Config
from s2s.corpus.report import SideReport, SplitReport
from s2s.decoding.bundle import Bundle
from s2s.jobs import ensemble as ensembles
from s2s.jobs import finish
from s2s.jobs import train as job
from s2s.jobs.finish import best_penalty, usual_length
from s2s.jobs.test_sets import TestSet
from s2s.run_folder import RunFolder
from s2s.scoring.metrics import bleu
from tests.small_corpus import small_config


def counts(src: int, tgt: int, n_corpora: int = 1, n: int = 1_000, pieces: int = 0) -> SplitReport:
    return SplitReport([{}] * n_corpora, kept=n, src=SideReport(pieces, src), tgt=SideReport(words=tgt))


def languages(source: str = "en", target: str = "de", targets: tuple[str, ...] = ()) -> Any:
    return SimpleNamespace(source=source, target=target, targets=targets)


def test_it_is_that_of_both_texts_together() -> None:
    train, valid = counts(9_000, 9_000), counts(1_000, 1_040)
    found = usual_length(train, valid, languages())
    assert found == pytest.approx((10_040 / 10_000) / 1.04)
    assert found * 1_040 == pytest.approx(1_000 * 1.004)  # words that its references would have
    assert usual_length(counts(9_000, 9_000), counts(1_000, 970), languages()) > 1
    # a large training text says nearly all of it
    assert usual_length(counts(10**8, 10**8), valid, languages()) == pytest.approx(1 / 1.04, rel=1e-3)


@pytest.mark.parametrize(
    ("train", "valid", "bundle"),
    [
        (counts(9_000, 9_000), counts(1_000, 1_008), languages()),  # chance
        (counts(9_000, 9_000), counts(1_000, 1_030, n=90), languages()),  # in so small a text
        (counts(9_000, 9_000), counts(1_000, 1_100), languages()),  # another text
        (counts(9_000, 9_000), counts(1_000, 900), languages()),
        (counts(9_000, 9_000, n_corpora=2), counts(1_000, 1_040), languages()),
        (counts(9_000, 9_000), counts(1_000, 1_040), languages(targets=("de", "fr"))),
        (counts(9_000, 9_000), counts(1_000, 1_040), languages(source="zh")),
        (counts(9_000, 9_000), counts(1_000, 1_040), languages(target="ja")),
        (counts(9_000, 9_000, pieces=70_000), counts(1_000, 1_040), languages("src", "tgt")),  # no spaces, no name
        (counts(0, 0), counts(0, 0), languages()),
    ],
)
def test_where_the_training_text_says_nothing_it_is_that_of_the_validation_text(
    train: SplitReport, valid: SplitReport, bundle: Bundle
) -> None:
    assert usual_length(train, valid, bundle) == 1.0


class Longer:
    """Translates with so many words as the length penalty allows; of those after the eighth, one is wrong."""

    bundle = SimpleNamespace(target="de", targets=(), decode=SimpleNamespace(beam=5))

    def options(self, length_penalty: float) -> float:
        return length_penalty

    def translate_lines(self, lines: list[str], options: float, check_stop: object) -> list[Any]:
        text = " ".join("v" if number == 8 else f"w{number}" for number in range(7 + round((options - 1) / 0.4)))
        return [SimpleNamespace(text=f"{text} {line}") for line in lines]


def test_translations_are_no_longer_than_usual(capsys: pytest.CaptureFixture[str]) -> None:
    references = [f"w0 w1 w2 w3 w4 w5 w6 w7 w8 w9 w10 x{number}" for number in range(10)]

    def plain(penalty: float) -> float:
        return bleu(
            [one.text for one in translator.translate_lines(text.sources, penalty, None)], references, "de"
        ).value

    text = TestSet("valid", [f"s{number}" for number in range(10)], references)
    translator: Any = Longer()
    longest, value = best_penalty(translator, text, None)
    shorter, other_value = best_penalty(translator, text, None, 8 / 12)
    assert shorter < longest
    assert other_value > value  # what is missing at the end is not held against it
    said = capsys.readouterr().err
    assert "for 0.667 times the references' words" in said
    assert f"length penalty {shorter:g} (validation BLEU, beam 5: {plain(shorter):.2f}; for" in said
    assert best_penalty(translator, text, 2.6, 8 / 12)[0] == 2.6


@pytest.fixture
def config(tmp_path: Path) -> Config:
    """Its validation references are a tenth longer than its training text."""
    config = small_config(tmp_path, max_steps=20, validate_every=20)
    texts = {side: (tmp_path / f"train.{side}").read_text("utf-8").splitlines() for side in ("en", "de")}
    texts["de"] = [f"{line} rot" if number % 10 < 3 else line for number, line in enumerate(texts["de"])]
    for side, lines in texts.items():
        (tmp_path / f"valid.{side}").write_text("".join(f"{line}\n" for line in lines), "utf-8")
    data = config.data.model_copy(update={"valid": str(tmp_path / "valid.{en,de}")})
    return config.model_copy(update={"data": data})


def expected(config: Config) -> float:
    n_words = len((Path(config.run).parent / "train.en").read_text("utf-8").split())
    return (2 * n_words + 18) / (2 * n_words) / ((n_words + 18) / n_words)


def spied(monkeypatch: pytest.MonkeyPatch, module: Any) -> list[float]:
    """The lengths for which penalties are looked for."""
    seen: list[float] = []
    search = finish.best_penalty

    def noted(*arguments: Any) -> tuple[float, float]:
        seen.append(arguments[3])
        return search(*arguments)

    monkeypatch.setattr(module, "best_penalty", noted)
    return seen


def test_training_and_ensembles_look_at_both_texts(
    config: Config, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    seen = spied(monkeypatch, finish)
    first = job.train(config).run
    assert seen[0] == pytest.approx(expected(config))
    assert 0.95 < seen[0] < 0.96
    second = config.model_copy(update={"run": f"{config.run}-2", "train": config.train.model_copy(update={"seed": 2})})
    runs = [first, job.train(second).run]
    seen = spied(monkeypatch, ensembles)
    folder = first.parent
    ensembles.ensemble(runs, folder / "both")
    assert seen == [pytest.approx(expected(config))]
    for damage in ("[]", '{"splits": {}}', '{"splits": {"train": 1, "valid": 2}}', "no", None):
        data_json = RunFolder(first).data_json
        data_json.unlink(missing_ok=True)
        if damage is not None:
            data_json.write_text(damage, "utf-8")
        shutil.rmtree(folder / "both")
        seen.clear()
        capsys.readouterr()
        ensembles.ensemble(runs, folder / "both")
        assert seen == [1.0]
        assert f"{data_json} is not there or damaged" in capsys.readouterr().err
