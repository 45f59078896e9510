import pytest

from s2s.config.options import options, sections
from s2s.config.suggest import suggest

KEYS = [*options(), *sections()]


def typos(word: str) -> set[str]:
    """All deletions and swaps of neighbours, and some insertions and replacements."""
    cuts = range(len(word))
    letters = "aeqt_"
    return {
        *(word[:i] + word[i + 1 :] for i in cuts),
        *(word[:i] + word[i + 1 : i + 2] + word[i] + word[i + 2 :] for i in cuts),
        *(word[:i] + letter + word[i + 1 :] for i in cuts for letter in letters),
        *(word[:i] + letter + word[i:] for i in cuts for letter in letters),
    } - {word, ""}


def test_a_single_typo_is_understood_in_95_of_100():
    right = total = 0
    for key in KEYS:
        prefix, dot, name = key.rpartition(".")
        for typo in sorted(typos(name))[::5]:
            given = f"{prefix}{dot}{typo}"
            if given not in KEYS:
                total += 1
                right += suggest(given, KEYS) == key
    assert total > 900
    assert right / total >= 0.95  # measured: 0.99


def test_every_key_is_found_from_the_wrong_place():
    names = [key.rpartition(".")[2] for key in options()]
    for key in options():
        name = key.rpartition(".")[2]
        if names.count(name) == 1 and name not in sections():
            assert suggest(name, KEYS) == key
            assert suggest(f"decode.{name}", KEYS) == key


@pytest.mark.parametrize(
    ("given", "meant"),
    [
        ("lr", "train.learning_rate"),
        ("train.lr", "train.learning_rate"),
        ("vocab_size", "vocab.size"),
        ("data.trg", "data.target"),
        ("data.tgt", "data.target"),
        ("data.dev", "data.valid"),
        ("train.batch-size", "train.batch_tokens"),
        ("decode.batch_size", "decode.batch_tokens"),
        ("decode.beam_size", "decode.beam"),
        ("Train.Max Steps", "train.max_steps"),
        ("model.layers", "model.n_encoder_layers"),
        ("training", "train"),
        ("tokenizer", "vocab"),
        ("train.seed.x", "train.seed"),
        ("xyzzy", None),
        ("train.xyzzy", None),
        ("a" * 10_000, None),
    ],
)
def test_other_names_are_understood(given, meant):
    assert suggest(given, KEYS) == meant


def test_a_mapping_is_taken_for_a_section():
    assert suggest("training", KEYS, section=True) == "train"
    assert suggest("decoding", KEYS, section=True) == "decode"
    assert suggest("modle", KEYS, section=True) == "model"


def test_synonyms_lead_to_keys_that_exist():
    from s2s.config.suggest import _SYNONYMS

    assert set(_SYNONYMS) <= set(KEYS)
    words = " ".join(_SYNONYMS.values()).split()
    assert len(words) == len(set(words))
