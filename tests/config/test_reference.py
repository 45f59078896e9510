from pathlib import Path

from s2s.config.options import options
from s2s.config.reference import render

ROOT = Path(__file__).parents[2]


def test_the_committed_page_is_what_the_schema_says():
    page = (ROOT / "docs/configuration.md").read_text(encoding="utf-8")
    assert page == render(), "run: python -m s2s.config.reference > docs/configuration.md"


def test_every_option_has_a_row():
    lines = render().split("\n")
    for key in options():
        assert sum(line.startswith(f"| `{key}` | ") and line.count(" | ") == 3 for line in lines) == 1, key
