"""Exporting from end to end: what is written, what is refused, and that nothing bad is kept.

What needs ctranslate2 or transformers is skipped without them.
"""

import contextlib
import io
import json
import re
import shutil
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from small_corpus import small_config
from typer.testing import CliRunner

import s2s
from s2s.cli import app
from s2s.config.schema import Config
from s2s.corpus.vocabulary import Vocabularies, Vocabulary
from s2s.decoding.bundle import Bundle, build_transformer, load_bundle, save_bundle
from s2s.errors import CannotCreateError, DataError, InputMissingError, S2SError, UsageError
from s2s.interop import ct2, hf_marian
from s2s.jobs import export as job
from s2s.jobs.export import export, portable
from s2s.model.weights import weights_of
from s2s.run_folder import verify_folder

GOLDEN = Path(__file__).parents[1] / "golden" / "model"
LINES = "one\ncat one\n\nred dog three\ntwo three red blue\nthree\none red dog three cat\nblue blue\n"


@pytest.fixture
def lines(tmp_path: Path) -> Path:
    path = tmp_path / "lines.en"
    path.write_text(LINES, "utf-8")
    return path


def train(folder: Path, *, norm: str, tied: str, shared: bool, byte_fallback: bool = False) -> Path:
    """A run that has learnt its corpus well enough to end its sentences."""
    config = small_config(
        folder, max_steps=150, batch_tokens=256, validate_every=150, checkpoint_every=150
    ).model_dump()
    config["model"].update(norm=norm, tied=tied, n_decoder_layers=2)
    config["vocab"].update(shared=shared, byte_fallback=byte_fallback, size=320 if byte_fallback else 40)
    return s2s.train(Config.model_validate(config)).run


@pytest.fixture(scope="module")
def post_norm(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return train(tmp_path_factory.mktemp("post"), norm="post", tied="target", shared=False, byte_fallback=True)


def test_without_the_library_it_says_what_to_install(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setitem(sys.modules, "ctranslate2", None)
    with pytest.raises(UsageError, match=r"pip install 's2s\[ctranslate2\]'"):
        export(GOLDEN, "ctranslate2", output=tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_hf_marian_needs_no_library_to_be_written(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, post_norm: Path
) -> None:
    monkeypatch.setitem(sys.modules, "transformers", None)
    with pytest.raises(UsageError, match="--no-check"):
        export(post_norm, "hf-marian")
    assert not (post_norm / "export").exists()
    result = export(post_norm, "hf-marian", check=False)
    assert (result.folder, result.parity) == (post_norm / "export" / "hf-marian", None)
    verify_folder(result.folder, what="model")
    card = (result.folder / "README.md").read_text("utf-8")
    assert "not compared with s2s" in card
    assert str(tmp_path.parent) not in card
    load_bundle(post_norm)  # the model itself is as it was
    shutil.rmtree(post_norm / "export")


def test_what_cannot_be_exported_is_refused_before_anything_is_written(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"norm: pre [\s\S]*--to ctranslate2"):
        export(GOLDEN, "hf-marian", output=tmp_path / "out", check=False)
    with pytest.raises(UsageError, match="onnx is no format"):
        export(GOLDEN, "onnx", output=tmp_path / "out")
    with pytest.raises(InputMissingError):
        export(tmp_path, "hf-marian")
    assert not (tmp_path / "out").exists()


def test_nothing_of_the_users_is_replaced(tmp_path: Path, post_norm: Path) -> None:
    with pytest.raises(UsageError, match="--output"):
        export(post_norm / "model", "hf-marian", check=False)
    for inside in (post_norm / "model", post_norm / "model" / "marian"):
        with pytest.raises(UsageError, match="stays as it is"):
            export(post_norm, "hf-marian", output=inside, check=False)
    (tmp_path / "thesis").mkdir()
    (tmp_path / "thesis" / "chapter1.tex").write_text("It was a dark and stormy night.")
    with pytest.raises(CannotCreateError, match="is there already"):
        export(post_norm, "hf-marian", output=tmp_path / "thesis", check=False)
    assert [path.name for path in (tmp_path / "thesis").iterdir()] == ["chapter1.tex"]
    for _ in range(2):  # an earlier export may be replaced
        export(post_norm, "hf-marian", output=tmp_path / "marian", check=False)


def test_a_model_that_translates_otherwise_is_not_kept(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, post_norm: Path
) -> None:
    from test_parity import Twin

    monkeypatch.setattr(job, "_need_libraries", lambda *_: None)
    other = load_bundle(post_norm)
    twin = Twin(other)
    monkeypatch.setattr(job, "_engine", lambda *_: twin)
    kept = tmp_path / "kept"
    assert export(post_norm, "hf-marian", output=kept).parity is not None
    before = (kept / "export.json").read_bytes()
    other.transformer.tgt_embedding.weight.data += 0.3
    arguments = ["export", str(post_norm), "--to", "hf-marian", "--output", str(kept)]
    done = CliRunner().invoke(app, arguments)
    assert done.exit_code == 1
    assert "does not translate as s2s does" in done.stderr
    assert (kept / "export.json").read_bytes() == before
    assert [path.name for path in tmp_path.iterdir()] == ["kept"]


def test_lines_come_from_the_validation_set_or_a_file_or_are_bundled(lines: Path, post_norm: Path) -> None:
    validation, name = job._lines(post_norm, None, 7)
    assert (len(validation), name) == (7, "the validation set")
    assert job._lines(post_norm, lines, 100) == (LINES.split("\n")[:-1], "lines.en")
    bundled, name = job._lines(GOLDEN, None, 100)
    assert (len(bundled), name) == (12, "s2s's own sentences")
    with pytest.raises(InputMissingError):
        job._lines(post_norm, lines.with_name("gone"), 3)
    assert job._spread([], 3) == []


def run_example(folder: Path) -> list[str]:
    """Run the Python of an exported model's README in its folder."""
    [code] = re.findall(r"```python\n(.*?)```", (folder / "README.md").read_text("utf-8"), re.DOTALL)
    assert code.count("\n") == 5
    said = io.StringIO()
    with contextlib.chdir(folder), contextlib.redirect_stdout(said):
        exec(code.replace("Your text.", "cat one"), {})
    found: list[str] = json.loads(said.getvalue().replace("'", '"'))
    return found


def assert_equal_throughout(result: job.Exported, run: Path) -> None:
    assert result.parity is not None
    assert result.parity.problems == []
    assert result.parity.difference < 1e-5
    for one in result.parity.searches:  # of so few pieces, those never chosen have a probability that counts
        assert one.n_equal + one.n_ties + one.n_rescaled + one.n_cut == result.parity.n_lines
        assert one.n_equal >= 0.9 * result.parity.n_lines
    verify_folder(result.folder, what="model")
    assert run_example(result.folder) == s2s.Translator.load(run, "cpu").translate(["cat one"])


def with_search(folder: Path, **decode: Any) -> Path:
    """The stored model with another default search."""
    bundle = load_bundle(GOLDEN)
    changed = Bundle(**{**vars(bundle), "decode": bundle.decode.model_copy(update=decode)})
    save_bundle(changed, folder)
    return folder


@torch.no_grad()
def untied(run: Path, folder: Path) -> Path:
    """A model with a vocabulary for each side and no shared matrix, close to that of a run."""
    bundle = load_bundle(run)
    src, tgt = (Vocabulary(side.model) for side in (bundle.vocabularies.src, bundle.vocabularies.tgt))
    config = bundle.model_config.model_copy(update={"tied": "none"})
    transformer = build_transformer(config, Vocabularies(src, tgt)).eval()
    weights = weights_of(bundle.transformer)
    given = {"src_embedding.weight": "tgt_embedding.weight", "projection.weight": "tgt_embedding.weight"}
    torch.manual_seed(1)
    for name, parameter in transformer.named_parameters():
        original = weights[name] if name in weights else weights[given[name]]
        parameter.copy_(original + 0.01 * original.std() * torch.randn_like(original))
    changed = {"transformer": transformer, "vocabularies": Vocabularies(src, tgt), "model_config": config}
    save_bundle(Bundle(**{**vars(bundle), **changed}), folder)
    return folder


def test_ctranslate2_translates_the_same(tmp_path: Path, post_norm: Path, lines: Path) -> None:
    pytest.importorskip("ctranslate2")
    assert_equal_throughout(export(post_norm, "ctranslate2", output=tmp_path / "post"), post_norm)
    assert_equal_throughout(export(GOLDEN, "ctranslate2", output=tmp_path / "pre", check_on=lines), GOLDEN)
    apart = untied(GOLDEN, tmp_path / "apart")
    assert_equal_throughout(export(apart, "ctranslate2", output=tmp_path / "none", check_on=lines), apart)


@pytest.mark.parametrize(("beam", "alpha"), [(1, 1.0), (2, 0.0), (4, 0.6), (3, 2.0)])
def test_ctranslate2_searches_the_same(tmp_path: Path, lines: Path, beam: int, alpha: float) -> None:
    pytest.importorskip("ctranslate2")
    model = with_search(tmp_path / "model", beam=beam, length_penalty=alpha)
    assert_equal_throughout(export(model, "ctranslate2", output=tmp_path / "out", check_on=lines), model)


def test_marian_translates_the_same(tmp_path: Path, post_norm: Path) -> None:
    pytest.importorskip("transformers")
    assert_equal_throughout(export(post_norm, "hf-marian", output=tmp_path / "separate"), post_norm)
    apart = untied(post_norm, tmp_path / "apart")
    given = tmp_path / "given.en"
    given.write_text(LINES, "utf-8")
    assert_equal_throughout(export(apart, "hf-marian", output=tmp_path / "none", check_on=given), apart)
    (tmp_path / "all").mkdir()
    run = train(tmp_path / "all", norm="post", tied="all", shared=True)
    assert_equal_throughout(export(run, "hf-marian"), run)


@pytest.mark.parametrize(
    ("library", "to", "module"),
    [("ctranslate2", "ctranslate2", ct2), ("transformers", "hf-marian", hf_marian)],
)
def test_a_disturbed_weight_is_found_and_nothing_is_kept(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, post_norm: Path, library: str, to: str, module: Any
) -> None:
    pytest.importorskip(library)
    write = module.write

    def disturbed(model: Any, folder: Path) -> None:
        weights = dict(model.weights)
        weights["decoder.0.feed_forward.inner.bias"] = weights["decoder.0.feed_forward.inner.bias"] + np.float32(0.1)
        write(type(model)(**{**vars(model), "weights": weights}), folder)

    monkeypatch.setattr(module, "write", disturbed)
    with pytest.raises(S2SError, match="log-probabilities differ") as caught:
        export(post_norm, to, output=tmp_path / "out")
    assert caught.value.exit_code == 1
    assert not isinstance(caught.value, DataError)
    assert not list(tmp_path.iterdir())


def test_the_weights_are_those_of_the_model() -> None:
    bundle = load_bundle(GOLDEN)
    model = portable(bundle)
    assert list(model.weights) == [name for name, _ in bundle.transformer.named_parameters()]
    assert all(array.dtype == np.float32 for array in model.weights.values())
