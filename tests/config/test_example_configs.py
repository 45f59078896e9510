from pathlib import Path

import pytest

from s2s.config.load import load_config

CONFIGS = sorted((Path(__file__).parents[2] / "configs").glob("*.yaml"))


def test_there_are_examples():
    assert {path.stem for path in CONFIGS} >= {"demo", "multi30k", "wmt_small", "wmt_base", "iwslt17"}


@pytest.mark.parametrize("path", CONFIGS, ids=lambda path: path.stem)
def test_an_example_loads_and_says_what_it_is(path):
    config = load_config(path)
    assert config.run == f"runs/{path.stem}"
    text = path.read_text(encoding="utf-8")
    assert text.startswith("# ")
    assert text.count("\n") <= 15
