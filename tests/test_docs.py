"""The examples in the documentation and in docstrings do what they show."""

import doctest
import importlib
import re
import subprocess
import tomllib
from pathlib import Path

import pytest
import yaml
from typer.testing import CliRunner

from s2s.cli import app

ROOT = Path(__file__).parents[1]
EXAMPLES = ROOT / "docs" / "examples"
PAGES = sorted((ROOT / "docs").glob("*.md"))
MODULES = [
    ".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__")
    for path in sorted((ROOT / "s2s").rglob("*.py"))
    if path.name != "__main__.py"  # importing it runs the command
]


def run(example: doctest.DocTest) -> int:
    """Run the examples of one page or docstring; fail with doctest's report, or say how many were run."""
    report: list[str] = []
    results = doctest.DocTestRunner(verbose=False).run(example, out=report.append)
    if results.failed:
        pytest.fail("".join(report), pytrace=False)
    return results.attempted - getattr(results, "skipped", 0)  # Python 3.13 counts what is skipped as attempted


def page_example(text: str, name: str) -> doctest.DocTest:
    """All examples of a Markdown page as one session; a fence ends an output, as an empty line does."""
    plain = re.sub(r"^```.*$", "", text, flags=re.MULTILINE)
    return doctest.DocTestParser().get_doctest(plain, {}, name, name, 0)


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_examples_of_a_page(page: Path) -> None:
    text = page.read_text(encoding="utf-8")
    session = page_example(text, page.name)
    assert len(session.examples) == len(re.findall(r"^ *>>> ", text, flags=re.MULTILINE))
    run(session)


@pytest.mark.parametrize("name", MODULES)
def test_examples_of_a_module(name: str) -> None:
    if name == "s2s.interop.onnx_translate":  # a script for machines without s2s, which is copied as it is
        pytest.importorskip("onnxruntime")
    module = importlib.import_module(name)
    for example in doctest.DocTestFinder(exclude_empty=True).find(module):
        run(example)


@pytest.mark.parametrize("page", [*PAGES, ROOT / "README.md"], ids=lambda page: page.name)
def test_yaml_of_a_page_can_be_read(page: Path) -> None:
    for block in re.findall(r"^```yaml\n(.*?)^```$", page.read_text(encoding="utf-8"), re.MULTILINE | re.DOTALL):
        assert isinstance(yaml.safe_load(block), dict)


def test_examples_are_found() -> None:
    page = ROOT / "docs" / "transformer.md"
    assert len(page_example(page.read_text(encoding="utf-8"), page.name).examples) > 100
    assert "s2s.model.attention" in MODULES
    attention = importlib.import_module("s2s.model.attention")
    assert sum(len(found.examples) for found in doctest.DocTestFinder().find(attention)) >= 1


@pytest.mark.parametrize("shown", ["5", "Traceback (most recent call last):\n    ...\nValueError: no"])
def test_a_wrong_example_fails_with_what_came_instead(shown: str) -> None:
    with pytest.raises(pytest.fail.Exception, match=r"line 4[\s\S]*>?2 \+ 2[\s\S]*Got:\s+4"):
        run(page_example(f"# Title\n\n```python\n>>> 2 + 2\n{shown}\n```\n", "page.md"))


def test_a_right_example_before_a_fence_passes_and_a_skipped_one_is_not_run() -> None:
    page = "```python\n>>> 2 + 2\n4\n```\n\n```python\n>>> 1 / 0  # doctest: +SKIP\n```\n"
    assert run(page_example(page, "page.md")) == 1


def test_files_named_in_the_tour_of_the_transformer_exist() -> None:
    text = (ROOT / "docs" / "transformer.md").read_text(encoding="utf-8")
    named = set(re.findall(r"`((?:s2s|tests)/[\w/.]*)`", text))
    assert {path.relative_to(ROOT).as_posix() for path in (ROOT / "s2s" / "model").glob("[!_]*.py")} <= named
    assert [name for name in named if not (ROOT / name).exists()] == []


def test_the_examples_of_other_places_are_sound() -> None:
    """Neither Slurm nor Docker is here: the shell reads the script, what is copied is there, the commands are known."""
    slurm = EXAMPLES / "train.slurm"
    subprocess.run(["bash", "-n", str(slurm)], check=True)
    docker = (EXAMPLES / "Dockerfile").read_text("utf-8")
    copied = [name for line in re.findall(r"^COPY (.*) \S+$", docker, re.MULTILINE) for name in line.split()]
    assert copied
    assert all((ROOT / name).exists() for name in copied)
    metadata = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))
    needed = [metadata["project"]["readme"], *metadata["project"]["license-files"], "s2s", "constraints.txt"]
    assert set(needed) <= set(copied)  # what building the package reads
    for command in ("train", "serve"):
        assert CliRunner().invoke(app, [command, "--help"]).exit_code == 0, command
