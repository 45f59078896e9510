"""Makes the stored model of `tests/decoding/test_translator.py`, which has to translate the same for ever.

    python tests/golden/make.py

trains on `small_corpus.py` and writes `model/` and `translations.json` beside this file.
"""

import json
import shutil
import sys
import tempfile
from pathlib import Path

HERE = Path(__file__).parent
sys.path[:0] = [str(HERE.parent), str(HERE.parent.parent)]

from small_corpus import small_config  # noqa: E402

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

if __name__ == "__main__":
    if (HERE / "model").exists():
        sys.exit("there is a golden model already")
    with tempfile.TemporaryDirectory() as folder:
        run = s2s.train(small_config(Path(folder), max_steps=600, batch_tokens=256, validate_every=200)).run
        shutil.copytree(run / "model", HERE / "model")
    translations = s2s.Translator.load(HERE / "model", "cpu").translate(SENTENCES)
    pairs = [list(pair) for pair in zip(SENTENCES, translations, strict=True)]
    (HERE / "translations.json").write_text(json.dumps(pairs, indent=1, ensure_ascii=False) + "\n", "utf-8")
