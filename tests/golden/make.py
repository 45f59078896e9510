"""Makes what later versions are held to, from `small_corpus.py`.

    python tests/golden/make.py

writes `losses.json`, those of the first updates of a training, anew: after a change that is meant to change them. The
stored model, which has to translate the same for ever, and its `translations.json` are made only if there is none.
"""

import json
import shutil
import sys
import tempfile
from pathlib import Path

HERE = Path(__file__).parent
sys.path[:0] = [str(HERE.parent), str(HERE.parent.parent), str(HERE.parent / "promises")]

import torch  # noqa: E402
from small_corpus import small_config  # noqa: E402
from test_p15_same_again import losses, machine  # noqa: E402

import s2s  # noqa: E402

SENTENCES = [
    "one",
    "cat one",
    "red dog three",
    "two three red blue",
    "dog two red cat one",
    "three red",
    "one red dog three cat",
    "blue dog two red cat",
    "red blue cat dog one",
    "",
]


def make_losses() -> None:
    torch.set_num_threads(1)
    with tempfile.TemporaryDirectory() as folder:
        content = {"machine": machine(), "losses": losses(Path(folder))}
    (HERE / "losses.json").write_text(json.dumps(content, indent=1) + "\n", "utf-8")


def make_model() -> None:
    with tempfile.TemporaryDirectory() as folder:
        run = s2s.train(small_config(Path(folder), max_steps=600, batch_tokens=256, validate_every=200)).run
        shutil.copytree(run / "model", HERE / "model")
    translations = s2s.Translator.load(HERE / "model", "cpu").translate(SENTENCES)
    pairs = [list(pair) for pair in zip(SENTENCES, translations, strict=True)]
    (HERE / "translations.json").write_text(json.dumps(pairs, indent=1, ensure_ascii=False) + "\n", "utf-8")


if __name__ == "__main__":
    make_losses()
    if not (HERE / "model").exists():
        make_model()
