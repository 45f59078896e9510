"""`s2s push`, and models by `hf:OWNER/NAME`, against folders laid out as the hub's library lays them out."""

import contextlib
import hashlib
import shutil
from pathlib import Path
from typing import Any

import huggingface_hub
import pytest
import yaml
from huggingface_hub import constants, errors
from small_corpus import small_config
from typer.testing import CliRunner, Result

from s2s.cli import app
from s2s.decoding.bundle import load_bundle
from s2s.decoding.hub import hub_model
from s2s.decoding.translator import Translator
from s2s.errors import DataError, HubError, UsageError
from s2s.jobs.card import front_matter
from s2s.jobs.push import push
from s2s.jobs.train import train
from s2s.run_folder import RunFolder


def s2s(*arguments: object, cwd: Path) -> Result:
    with contextlib.chdir(cwd):
        return CliRunner().invoke(app, [str(argument) for argument in arguments])


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("push")
    config = small_config(folder, max_steps=40, validate_every=20, checkpoint_every=20)
    data = config.data.model_copy(update={"test": config.data.valid})
    train(config.model_copy(update={"data": data}))
    return folder


class Hub:
    """The part of the hub's client that is used; repositories are laid into its cache, as after a download."""

    def __init__(self, cache: Path) -> None:
        self.cache = cache
        self.created: list[tuple[str, bool]] = []

    def create_repo(self, name: str, *, private: bool, exist_ok: bool) -> str:
        assert exist_ok
        self.created.append((name, private))
        return f"https://huggingface.co/{name}"

    def upload_folder(self, *, repo_id: str, folder_path: Path, commit_message: str, delete_patterns: str) -> None:
        assert delete_patterns == "model/*"
        folder = self.cache / f"models--{repo_id.replace('/', '--')}"
        commit = hashlib.sha1(commit_message.encode()).hexdigest()
        shutil.rmtree(folder, ignore_errors=True)
        (folder / "refs").mkdir(parents=True)
        (folder / "refs" / "main").write_text(commit, "ascii")
        (folder / "blobs").mkdir()
        for path in folder_path.rglob("*"):
            if path.is_file():
                blob = folder / "blobs" / hashlib.sha256(path.read_bytes()).hexdigest()
                shutil.copyfile(path, blob)
                link = folder / "snapshots" / commit / path.relative_to(folder_path)
                link.parent.mkdir(parents=True, exist_ok=True)
                link.symlink_to(blob)


@pytest.fixture
def hub(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Hub:
    hub = Hub(tmp_path / "cache")
    monkeypatch.setattr(huggingface_hub, "HfApi", lambda **_: hub)
    monkeypatch.setattr(constants, "HF_HUB_CACHE", str(hub.cache))
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", True)
    hub_model.cache_clear()
    return hub


def test_what_was_pushed_translates_from_the_hub(home: Path, hub: Hub) -> None:
    result = s2s("push", "run", "me/my-model", "--private", cwd=home)
    assert result.exit_code == 0, result.stderr
    assert result.stdout == "https://huggingface.co/me/my-model\n"
    assert hub.created == [("me/my-model", True)]
    lines = ["red cat", "one two"]
    here = Translator.load(home / "run").translate(lines)
    assert Translator.load(Path("hf:me/my-model")).translate(lines) == here
    typed = s2s("translate", "--model", "hf:me/my-model", "red cat", cwd=home)
    assert (typed.exit_code, typed.stdout) == (0, f"{here[0]}\n")
    text = ["--src", "train.en", "--ref", "train.de"]
    assert s2s("evaluate", "hf:me/my-model", *text, cwd=home).exit_code == 0
    assert s2s("evaluate", "hf:me/my-model", cwd=home).exit_code == 66  # it has no test split


def test_a_model_in_one_file_is_pushed_as_a_folder(home: Path, hub: Hub) -> None:
    done = s2s("export", "run", "--to", "bundle", "-o", "one.s2s", "--no-check", cwd=home)
    assert done.exit_code == 0, done.stderr
    done = s2s("push", "one.s2s", "me/from-file", cwd=home)
    assert done.exit_code == 0, done.stderr
    assert "a short card is made" in done.stderr
    [snapshot] = (hub.cache / "models--me--from-file" / "snapshots").iterdir()
    folder = home / "run" / "model"
    assert {path.name: path.read_bytes() for path in (snapshot / "model").iterdir()} == {
        path.name: path.read_bytes() for path in folder.iterdir()
    }
    lines = ["red cat", "one two"]
    assert Translator.load("hf:me/from-file").translate(lines) == Translator.load(home / "run").translate(lines)


def test_languages_of_a_card_are_those_that_the_hub_knows() -> None:
    for given, known in (
        (("en-US", "zh_Hans"), ["en", "zh"]),
        (("deu_Latn", "mul"), ["deu"]),
        (("src", "tgt"), None),
        (("Old Norse", "no"), ["no"]),
    ):
        front = yaml.safe_load("\n".join(front_matter(*given)).strip("-"))
        assert front.get("language") == known


def test_a_card_that_the_hub_refuses_is_said(home: Path, hub: Hub, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: Any, **__: Any) -> None:
        raise ValueError('Invalid metadata in README.md.\n- "language" must only contain lowercase characters')

    monkeypatch.setattr(Hub, "upload_folder", refuse)
    with pytest.raises(HubError, match=r"refuses the card.*lowercase"):
        push(home / "run", "me/it")


def test_only_model_and_card_leave_the_machine(home: Path, hub: Hub) -> None:
    push(home / "run", "me/it")
    [snapshot] = (hub.cache / "models--me--it" / "snapshots").iterdir()
    files = {str(path.relative_to(snapshot)) for path in snapshot.rglob("*") if path.is_file()}
    assert files == {"README.md", *(f"model/{path.name}" for path in (home / "run/model").iterdir())}
    for path in snapshot.rglob("*"):
        assert str(home).encode() not in (path.read_bytes() if path.is_file() else b""), path
    card = (snapshot / "README.md").read_text("utf-8")
    front = yaml.safe_load(card.split("---")[1])
    assert (front["library_name"], front["pipeline_tag"], front["language"]) == ("s2s", "translation", ["en", "de"])
    [result] = front["model-index"][0]["results"]
    assert [one["type"] for one in result["metrics"]] == ["bleu", "chrf2", "ter"]
    assert "train.en and train.de" in card
    assert '\n    s2s translate --model hf:me/it "your text"\n' in card
    assert not [word for word in ("folder above", "resolved.yaml", "--model run") if word in card]
    assert "s2s translate --model run " in RunFolder(home / "run").card.read_text("utf-8")
    # without a card of the run, a short one is made
    aside = RunFolder(home / "run").card.rename(home / "card")
    push(home / "run", "me/other")
    aside.rename(home / "run" / "README.md")
    [snapshot] = (hub.cache / "models--me--other" / "snapshots").iterdir()
    assert "Translation from en to de" in (snapshot / "README.md").read_text("utf-8")


def test_what_is_not_on_the_hub_is_said(home: Path, hub: Hub, monkeypatch: pytest.MonkeyPatch) -> None:
    for spec in ("hf:only", "hf:a/b/c", "hf:a/b@", "hf:", "hf:a/b.git", "hf:a/b--c"):
        with pytest.raises(UsageError, match="names no model"):
            load_bundle(Path(spec))
    with pytest.raises(HubError, match="no local copy"):
        load_bundle(Path("hf:nobody/nothing"))
    push(home / "run", "me/it")
    shutil.rmtree(next((hub.cache / "models--me--it" / "snapshots").iterdir()) / "model")
    with pytest.raises(HubError):
        load_bundle(Path("hf:me/it"))
    hub_model.cache_clear()
    push(home / "run", "me/it")
    next((hub.cache / "models--me--it").rglob("model/config.json")).resolve().write_text("{}", "utf-8")
    with pytest.raises(DataError, match=r"config\.json"):
        load_bundle(Path("hf:me/it"))

    def refuse(*_: Any, **__: Any) -> None:
        raise errors.LocalTokenNotFoundError("no token")

    monkeypatch.setattr(hub, "create_repo", refuse)
    failed = s2s("push", "run", "me/it", cwd=home)
    assert (failed.exit_code, "hf auth login" in failed.stderr) == (69, True)

    def fail(*_: Any, **__: Any) -> None:
        raise errors.HfHubHTTPError.__bases__[0]("nobody answers")

    monkeypatch.setattr(hub, "create_repo", fail)
    failed = s2s("push", "run", "me/it", cwd=home)
    assert (failed.exit_code, "cannot be uploaded: nobody answers" in failed.stderr) == (69, True)
    assert s2s("push", "run", "it", cwd=home).exit_code == 2
    assert s2s("push", "nothing", "me/it", cwd=home).exit_code == 66
