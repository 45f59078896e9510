"""What the README says is so: its config loads, its commands and files are there."""

import re
from pathlib import Path

from typer.testing import CliRunner

from s2s.cli import app
from s2s.config.load import load_config

ROOT = Path(__file__).parent.parent
README = (ROOT / "README.md").read_text("utf-8")


def test_the_config_in_the_readme_loads_and_is_short(tmp_path: Path) -> None:
    [block] = re.findall(r"```yaml\n(.*?)```", README, re.DOTALL)
    (tmp_path / "my.yaml").write_text(block, "utf-8")
    config = load_config(tmp_path / "my.yaml")
    assert config.run == "runs/en-sw"
    assert block.count("\n") <= 11


def test_every_option_of_a_command_in_the_readme_exists() -> None:
    helps = {
        name: CliRunner().invoke(app, [name, "--help"]).output
        for name in ("check", "tokenize", "train", "evaluate", "report", "translate", "serve", "export")
    }
    for line in README.split("\n"):
        for name, help_text in helps.items():
            if f"**`s2s {name}" in line:
                paragraph = README[README.index(line) :].split("\n\n")[0]
                for option in re.findall(r"--[a-z][a-z-]*", paragraph):
                    assert option in help_text, f"s2s {name} has no {option}"


def test_every_make_target_in_the_readme_exists() -> None:
    makefile = (ROOT / "Makefile").read_text("utf-8")
    for target in re.findall(r"make ([a-z]+)", README):
        assert re.search(rf"^{target}:", makefile, re.MULTILINE), f"make {target}"


def test_every_file_of_the_map_exists() -> None:
    table = README[README.index("## Where things are") :]
    for row in re.findall(r"^\| (`.*?) \| (.*) \|$", table, re.MULTILINE):
        folders = [ROOT / name for name in re.findall(r"`([^`]+)`", row[0])]
        assert folders
        for path in folders:
            found = path if path.exists() else ROOT / "s2s" / path.name
            assert found.exists(), path
        for name in re.findall(r"`([a-z_]+\.(?:py|md))`", row[1]):
            assert any((folder / name).exists() for folder in folders), f"{row[0]}: {name}"


def test_configs_named_in_the_readme_exist() -> None:
    named = set(re.findall(r"configs/[a-z0-9_]+\.yaml", README))
    assert named == {f"configs/{path.name}" for path in (ROOT / "configs").glob("*.yaml")}


def test_the_project_speaks_of_no_machine() -> None:
    wrong = []
    for path in ROOT.rglob("*"):
        if path.suffix in (".md", ".py", ".yaml", ".toml", ".txt") and not set(path.parts) & {".venv", "runs", ".git"}:
            text = path.read_text("utf-8", "replace")
            wrong += [f"{path}: {found}" for found in re.findall(r"/(?:work|home|root|Users)/[\w/.-]+", text)]
    assert not wrong
