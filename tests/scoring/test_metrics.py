"""Scores against known values, with signatures."""

import math

import pytest

from s2s.errors import DataError
from s2s.scoring.measured import measure
from s2s.scoring.metrics import bleu, bleu_tokenizer

REFERENCES = ["Der Hund schläft heute im Garten.", "Die Katze sieht den Vogel auf dem Dach."]


def test_a_perfect_translation_has_perfect_scores() -> None:
    values = {score.name: score.value for score in (one.score for one in measure(REFERENCES, REFERENCES, "de"))}
    assert values == pytest.approx({"BLEU": 100.0, "chrF2": 100.0, "TER": 0.0})


def test_bleu_by_hand_and_case_counts() -> None:
    # the fourth of nine tokens is wrong: it spoils 1 of 9 words, 2 of 8 bigrams, 3 of 7 trigrams, 4 of 6 4-grams
    hypothesis, reference = "die Katze sieht einen Vogel auf dem Dach .", "die Katze sieht den Vogel auf dem Dach ."
    expected = 100 * (8 / 9 * 6 / 8 * 4 / 7 * 2 / 6) ** 0.25
    assert bleu([hypothesis], [reference], "de").value == pytest.approx(expected)
    assert bleu([reference.lower()], [reference], "de").value < 70


def test_the_length_that_references_count_is_that_of_the_brevity_penalty() -> None:
    short, long = ["a b c d e f"], ["a b c d e f g h i"]
    plain = bleu(short, long, "de")
    assert plain.value == pytest.approx(100 * math.exp(1 - 9 / 6))  # all that is there is right
    assert bleu(short, long, "de", 8 / 9).value == pytest.approx(100 * math.exp(1 - 8 / 6))
    assert bleu(short, long, "de", 0.5).value == pytest.approx(100)
    assert bleu(short, long, "de", 1.0) == plain
    assert bleu(long, long, "de", 1.1).value == pytest.approx(100 * math.exp(1 - 1.1))
    assert bleu(["x"], ["a b"], "de", 0.9).value == bleu([""], ["a b"], "de", 0.9).value == 0
    assert bleu(short, long, "de", 8 / 9).signature == f"{plain.signature}|length:0.8889"


def test_scores_carry_signatures() -> None:
    for score in (one.score for one in measure(REFERENCES, REFERENCES, "de")):
        assert "version:" in score.signature
    assert "tok:13a" in bleu(REFERENCES, REFERENCES, "de").signature
    assert "case:mixed" in bleu(REFERENCES, REFERENCES, "de").signature
    assert "tok:zh" in bleu(["我 在"], ["我 在"], "zh-CN").signature


def test_tokenisation_follows_the_language() -> None:
    assert {bleu_tokenizer(code) for code in ("zho", "zho-Hans", "cmn", "yue", "cn", "Chinese")} == {"zh"}
    assert {bleu_tokenizer(code) for code in ("jp", "Japanese", "thai")} == {"char"}
    assert {bleu_tokenizer(code) for code in ("jpn", "tha", "khm", "lao", "mya", "bo")} == {"char"}
    assert [bleu_tokenizer(language) for language in ("de", "zh", "zh_TW", "ja", "JA-JP")] == [
        "13a",
        "zh",
        "zh",
        "char",
        "char",
    ]


def test_unequal_or_empty_lists_are_refused() -> None:
    with pytest.raises(DataError, match="2 translations"):
        measure(REFERENCES, REFERENCES[:1], "de")
    with pytest.raises(DataError, match="nothing to score"):
        bleu([], [], "de")
