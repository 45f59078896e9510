"""Help and completion: every command begins with examples that it takes, and the shells complete."""

import os
import shlex
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import typer

from s2s.cli import app

ROOT = Path(__file__).parent.parent
ENVIRONMENT = {**os.environ, "PYTHONPATH": str(ROOT)}


def commands() -> Iterator[tuple[list[str], Any]]:
    """Every command with the words that call it."""

    def below(group: Any, words: list[str]) -> Iterator[tuple[list[str], Any]]:
        for name, command in group.commands.items():
            if hasattr(command, "commands"):
                yield from below(command, [*words, name])
            else:
                yield [*words, name], command

    yield from below(typer.main.get_command(app), ["s2s"])


COMMANDS = list(commands())


def examples(command: Any) -> list[str]:
    """The examples right after the first paragraph of a command's help."""
    paragraphs = command.help.split("\n\n")[1:]
    found = []
    for paragraph in paragraphs:
        if not paragraph.startswith("Example: "):
            break
        found.append(" ".join(paragraph.removeprefix("Example: ").split()))
    return found


@pytest.mark.parametrize(("words", "command"), COMMANDS, ids=[" ".join(words) for words, _ in COMMANDS])
def test_every_help_begins_with_examples_that_the_command_takes(words: list[str], command: Any) -> None:
    found = examples(command)
    assert found
    for example in found:
        given = shlex.split(example.split(" > ")[0])
        assert given[: len(words)] == words
        command.make_context(words[-1], given[len(words) :])  # which knows all options, and has all it needs
        assert len(f"  Example: {example}") <= 78, "it would be broken into two lines"


def test_what_is_no_example_is_found() -> None:
    [export] = [command for words, command in COMMANDS if words == ["s2s", "export"]]
    for wrong in (["runs/demo", "--to", "onnx", "--fast"], ["runs/demo"]):
        with pytest.raises(Exception, match=r"--fast|parameter: to"):
            export.make_context("export", wrong)


SCRIPT = {"bash": "complete", "zsh": "#compdef s2s", "fish": "complete --command s2s"}


@pytest.mark.parametrize("shell", SCRIPT)
def test_there_is_a_completion_script(shell: str) -> None:
    done = subprocess.run(
        [sys.executable, "-c", "import sys; sys.argv[0] = 's2s'; from s2s.cli import main; main()"],
        env={**ENVIRONMENT, "_S2S_COMPLETE": f"source_{shell}"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert SCRIPT[shell] in done.stdout
    assert "_S2S_COMPLETE" in done.stdout


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("s2s exp", {"export"}),
        ("s2s tra", {"train", "translate"}),
        ("s2s export --ch", {"--check-on"}),
        ("s2s config ", {"explain"}),
    ],
)
def test_bash_completes_commands_and_options(line: str, expected: set[str], tmp_path: Path) -> None:
    """The script is sourced by a real bash, and does what the Tab key does."""
    bash = shutil.which("bash")
    if bash is None:
        pytest.skip("no bash here")
    program = tmp_path / "s2s"  # as an installation makes it
    program.write_text(f"#!{sys.executable}\nfrom s2s.cli import main\nmain()\n", "utf-8")
    program.chmod(0o755)
    words = line.split(" ")
    array = " ".join(map(shlex.quote, words))
    script = f"""
        eval "$(_S2S_COMPLETE=source_bash s2s)"
        COMP_WORDS=({array}) COMP_CWORD={len(words) - 1}
        function=$(complete -p s2s | sed 's/.*-F \\([^ ]*\\).*/\\1/')
        $function s2s
        printf '%s\\n' "${{COMPREPLY[@]}}"
    """
    done = subprocess.run(
        [bash, "--norc", "-c", script],
        env={**ENVIRONMENT, "PATH": f"{tmp_path}:{os.environ['PATH']}"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert set(done.stdout.split()) == expected, done.stderr
