"""A corpus small enough to learn by heart, and a config to do it."""

from pathlib import Path
from typing import Any

from s2s.config.schema import Config

WORDS = {"one": "eins", "two": "zwei", "three": "drei", "red": "rot", "blue": "blau", "cat": "Katze", "dog": "Hund"}


def write_corpus(folder: Path, n_pairs: int = 60) -> str:
    """Lists of words, translated one by one and backwards; returns the spec."""
    words = list(WORDS)
    src, tgt = [], []
    for number in range(n_pairs):
        chosen = [words[(number * 5 + place * (number % 3 + 1)) % len(words)] for place in range(1 + number % 5)]
        src.append(" ".join(chosen))
        tgt.append(" ".join(WORDS[word] for word in reversed(chosen)))
    (folder / "train.en").write_text("\n".join(src) + "\n", "utf-8")
    (folder / "train.de").write_text("\n".join(tgt) + "\n", "utf-8")
    return str(folder / "train.{en,de}")


def small_config(folder: Path, **train: Any) -> Config:
    """A config whose corpus and run lie in `folder`; `train` adds to its train section."""
    spec = write_corpus(folder)
    return Config.model_validate(
        {
            "run": str(folder / "run"),
            "data": {"source": "en", "target": "de", "train": spec, "valid": spec, "max_length": 20},
            "vocab": {"size": 64, "byte_fallback": False},
            "model": {
                "preset": "tiny",
                "n_encoder_layers": 1,
                "n_decoder_layers": 1,
                "d_model": 32,
                "d_ff": 64,
                "n_heads": 2,
                "dropout": 0.1,
            },
            "train": {
                "max_steps": 12,
                "batch_tokens": 64,
                "warmup_steps": 2,
                "learning_rate": 0.01,
                "subword_dropout": 0.0,
                "validate_every": 5,
                "checkpoint_every": 4,
                **train,
            },
        }
    )
