"""Exporting from end to end: what is written, what is refused, and that nothing bad is kept.

What needs ctranslate2, transformers, or onnx and onnxruntime is skipped without them.
"""

import hashlib
import json
import os
import re
import shutil
import subprocess
import sys
from dataclasses import replace
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
from s2s.errors import CannotCreateError, InputMissingError, S2SError, UsageError
from s2s.interop import ct2, hf_marian, onnx_files
from s2s.interop.portable import Portable
from s2s.jobs import export as job
from s2s.jobs.export import TOOLS, export, portable
from s2s.jobs.test_sets import split_of_run
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
    monkeypatch.setitem(sys.modules, "onnx", None)
    for to in ("ctranslate2", "onnx"):
        with pytest.raises(UsageError, match=rf"pip install '\.\[{to}\]'"):
            export(GOLDEN, to, output=tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_hf_marian_needs_no_library_to_be_written(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, post_norm: Path
) -> None:
    monkeypatch.setitem(sys.modules, "transformers", None)
    with pytest.raises(UsageError, match="--no-check"):
        export(post_norm, "hf-marian")
    assert not (post_norm / "export").exists()
    result = export(post_norm, "hf-marian", check=False)
    assert (result.path, result.parity) == (post_norm / "export" / "hf-marian", None)
    verify_folder(result.path, what="model")
    card = (result.path / "README.md").read_text("utf-8")
    assert "not compared with s2s" in card
    assert str(tmp_path.parent) not in card
    load_bundle(post_norm)  # the model itself is as it was
    shutil.rmtree(post_norm / "export")


def test_what_cannot_be_exported_is_refused_before_anything_is_written(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"norm: pre [\s\S]*--to ctranslate2"):
        export(GOLDEN, "hf-marian", output=tmp_path / "out", check=False)
    with pytest.raises(UsageError, match="tflite is no format"):
        export(GOLDEN, "tflite", output=tmp_path / "out")
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
    (tmp_path / "marian" / ".git").mkdir()  # but not what has been put into it
    (tmp_path / "marian" / ".git" / "config").write_text("mine", "utf-8")
    with pytest.raises(CannotCreateError, match=r"has not put there.*\.git/config"):
        export(post_norm, "hf-marian", output=tmp_path / "marian", check=False)
    assert (tmp_path / "marian" / ".git" / "config").exists()


def test_a_folder_to_export_to_has_a_name(tmp_path: Path, post_norm: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(UsageError, match="no name"):
        export(post_norm, "hf-marian", output=".", check=False)


def test_an_export_of_several_languages_says_how_they_are_told(tmp_path: Path) -> None:
    bundle = replace(load_bundle(GOLDEN), target="mul", targets=("de", "xx"))
    model = job.portable(bundle)
    for to in ("ctranslate2", "hf-marian", "onnx"):
        readme = job._readme(to, model, None)
        assert '"<2de> Your text."' in readme
        assert "`<2de>`, `<2xx>`" in readme
    assert all(line.startswith("<2de> ") for line in job._lines(GOLDEN, None, 3, bundle.targets).sources)


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
    validation = job._lines(post_norm, None, 7)
    assert (len(validation.sources), validation.name) == (7, "the validation set")
    whole = split_of_run(post_norm, "valid")
    pairs = list(zip(whole.sources, whole.references, strict=True))
    assert validation.references is not None
    assert set(zip(validation.sources, validation.references, strict=True)) <= set(pairs)
    assert job._lines(post_norm, lines, 100) == job.Lines(LINES.split("\n")[:-1], None, "lines.en")
    bundled = job._lines(GOLDEN, None, 100)
    assert (len(bundled.sources), bundled.references, bundled.name) == (12, None, "s2s's own sentences")
    with pytest.raises(InputMissingError):
        job._lines(post_norm, lines.with_name("gone"), 3)
    assert job._spread([], 3) == []


def run_example(folder: Path) -> list[str]:
    """Run the Python of an exported model's README in its folder, in a process that knows nothing of s2s."""
    [code] = re.findall(r"```python\n(.*?)```", (folder / "README.md").read_text("utf-8"), re.DOTALL)
    assert code.count("\n") == 5
    code = code.replace("Your text.", "cat one") + "import sys; assert 's2s' not in sys.modules\n"
    if (folder / "translate.py").exists():
        code += "assert 'torch' not in sys.modules\n"
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=folder, env=environment, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    found: list[str] = json.loads(done.stdout.replace("'", '"'))
    return found


def assert_equal_throughout(result: job.Exported, run: Path) -> None:
    assert result.parity is not None
    assert result.parity.problems == []
    assert result.parity.difference < 1e-5
    for one in result.parity.searches:  # of so few pieces, those never chosen have a probability that counts
        assert one.n_equal + one.n_ties + one.n_rescaled + one.n_cut == result.parity.n_lines
        assert one.n_equal >= 0.9 * result.parity.n_lines
    expected = s2s.Translator.load(run, "cpu").translate(["cat one"])
    if result.path.is_file():
        assert s2s.Translator.load(result.path, "cpu").translate(["cat one"]) == expected
    else:
        verify_folder(result.path, what="model")
        assert run_example(result.path) == expected


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


def test_ctranslate2_with_no_shared_matrix(tmp_path: Path, lines: Path) -> None:
    pytest.importorskip("ctranslate2")
    apart = untied(GOLDEN, tmp_path / "apart")
    assert_equal_throughout(export(apart, "ctranslate2", output=tmp_path / "none", check_on=lines), apart)


@pytest.mark.parametrize(("beam", "alpha"), [(1, 1.0), (2, 0.0), (4, 0.6), (3, 2.0)])
def test_ctranslate2_searches_the_same(tmp_path: Path, lines: Path, beam: int, alpha: float) -> None:
    pytest.importorskip("ctranslate2")
    model = with_search(tmp_path / "model", beam=beam, length_penalty=alpha)
    assert_equal_throughout(export(model, "ctranslate2", output=tmp_path / "out", check_on=lines), model)


def test_marian_with_other_shared_matrices(tmp_path: Path, post_norm: Path) -> None:
    pytest.importorskip("transformers")
    apart = untied(post_norm, tmp_path / "apart")
    given = tmp_path / "given.en"
    given.write_text(LINES, "utf-8")
    assert_equal_throughout(export(apart, "hf-marian", output=tmp_path / "none", check_on=given), apart)
    (tmp_path / "all").mkdir()
    run = train(tmp_path / "all", norm="post", tied="all", shared=True)
    assert_equal_throughout(export(run, "hf-marian"), run)


FORMATS = pytest.mark.parametrize("to", ["bundle", "ctranslate2", "hf-marian", "onnx"])
NORMS = pytest.mark.parametrize("norm", ["pre", "post"])


def skip_without(to: str) -> None:
    for library in TOOLS[to].libraries if to in TOOLS else ():
        pytest.importorskip(library)


@NORMS
@FORMATS
def test_each_format_translates_the_same_or_says_that_it_cannot(
    to: str, norm: str, tmp_path: Path, post_norm: Path, lines: Path
) -> None:
    skip_without(to)
    run, given = (post_norm, None) if norm == "post" else (GOLDEN, lines)
    assert load_bundle(run).model_config.norm == norm
    if (to, norm) == ("hf-marian", "pre"):
        done = CliRunner().invoke(app, ["export", str(run), "--to", to, "--output", str(tmp_path / "out")])
        assert (done.exit_code, "norm: pre does not fit" in done.stderr) == (2, True)
        assert not (tmp_path / "out").exists()
        return
    result = export(run, to, output=tmp_path / "out", check_on=given)
    assert_equal_throughout(result, run)
    assert result.parity is not None
    has_references = given is None
    assert [one.bleu is not None for one in result.parity.searches] == [has_references] * len(result.parity.searches)
    assert all(one.seconds > 0 and one.seconds_there > 0 for one in result.parity.searches)


WEIGHTS = {"ctranslate2": "model.bin", "hf-marian": "model.safetensors", "onnx": "weights.bin"}
"""The file of a format in which the numbers are."""


def disturb(path: Path, array: np.ndarray, other: np.ndarray | None = None) -> None:
    """Change an array where it lies in a file."""
    other = array + np.float32(0.1) if other is None else other
    content = path.read_bytes()
    assert content.count(array.tobytes()) == 1
    content = content.replace(array.tobytes(), other.tobytes())
    if path.suffix not in (".bin", ".safetensors"):  # a model in one file, with a sum that fits again
        head = json.loads(content[8 : 8 + int.from_bytes(content[:8], "little")])
        digits = head["__metadata__"]["sha256"].encode()
        found = hashlib.sha256(content.replace(digits, b"0" * 64)).hexdigest()
        content = content.replace(digits, found.encode())
    path.write_bytes(content)


def part_of(model: Portable, name: str, to: str) -> np.ndarray:
    """A weight, or (`a row`) what a table holds of a source piece that no line has; as it lies in a file."""
    if name != "a row":
        return model.weights[name]
    table = model.weights["tgt_embedding.weight" if model.shape.tied == "all" else "src_embedding.weight"]
    seen = {id_ for ids in model.vocabularies.src.encode_all(LINES.split("\n")) for id_ in ids}
    row = table[max(set(range(4, len(table))) - seen)]
    return np.concatenate([row[::2], row[1::2]]) if to == "hf-marian" else row


@pytest.mark.parametrize("name", ["decoder.0.feed_forward.inner.bias", "encoder.0.self_attention.value.bias", "a row"])
@NORMS
@FORMATS
def test_a_disturbed_weight_is_found_and_nothing_is_kept(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, post_norm: Path, lines: Path, to: str, norm: str, name: str
) -> None:
    skip_without(to)
    if (to, norm) == ("hf-marian", "pre"):
        pytest.skip("it cannot be exported at all")
    run = post_norm if norm == "post" else GOLDEN
    array = part_of(portable(load_bundle(run)), name, to)
    if to == "bundle":
        save = job.save_as_file

        def save_disturbed(bundle: Bundle, path: Path) -> str:
            save(bundle, path)
            disturb(path, array)
            return ""

        monkeypatch.setattr(job, "save_as_file", save_disturbed)
    else:
        module: Any = {"ctranslate2": ct2, "hf-marian": hf_marian, "onnx": onnx_files}[to]
        write = module.write

        def write_disturbed(model: Any, folder: Path) -> None:
            write(model, folder)
            disturb(folder / WEIGHTS[to], array)

        monkeypatch.setattr(module, "write", write_disturbed)
    (tmp_path / "out").mkdir()
    arguments = ["export", str(run), "--to", to, "--output", str(tmp_path / "out" / "model")]
    done = CliRunner().invoke(app, [*arguments, "--check-on", str(lines)])
    assert done.exit_code == 1
    assert "does not translate as s2s does, so it was not kept: " in done.stderr
    assert "log-probabilities differ by up to" in done.stderr
    assert "please report it" in done.stderr
    assert done.stdout == ""
    assert not list((tmp_path / "out").iterdir())


@pytest.mark.parametrize("what", [r".*damaged", r"tgt_embedding\.weight is another"])
def test_a_file_that_the_disk_has_changed_is_not_kept(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, lines: Path, what: str
) -> None:
    save = job.save_as_file
    array = portable(load_bundle(GOLDEN)).weights["tgt_embedding.weight"]

    def save_changed(bundle: Bundle, path: Path) -> str:
        said = save(bundle, path)
        if "damaged" in what:
            content = bytearray(path.read_bytes())
            content[-1000] ^= 1
            path.write_bytes(content)
        else:  # by so little that no probability shows it
            disturb(path, array[9, :1], np.nextafter(array[9, :1], np.float32(2.0)))
        return said

    monkeypatch.setattr(job, "save_as_file", save_changed)
    with pytest.raises(S2SError, match=f"not what was written, so it was not kept: {what}") as caught:
        export(GOLDEN, "bundle", output=tmp_path / "x.s2s", check_on=lines)
    assert caught.value.exit_code == 1
    assert list(tmp_path.iterdir()) == [lines]


@pytest.mark.parametrize(("beam", "alpha"), [(1, 1.0), (2, 0.0), (4, 0.6), (3, 2.0), (40, 1.0)])
def test_onnx_searches_the_same(tmp_path: Path, lines: Path, beam: int, alpha: float) -> None:
    skip_without("onnx")
    model = with_search(tmp_path / "model", beam=beam, length_penalty=alpha)
    result = export(model, "onnx", output=tmp_path / "out", check_on=lines)
    assert result.parity is not None
    assert all(one.n_equal + one.n_cut == result.parity.n_lines for one in result.parity.searches)


def test_onnx_with_all_kinds_of_shared_matrices(tmp_path: Path, post_norm: Path, lines: Path) -> None:
    """Each number is in the file once: it is as large as the model and its positions are."""
    skip_without("onnx")
    apart = untied(GOLDEN, tmp_path / "apart")
    for number, run in enumerate((GOLDEN, post_norm, apart)):  # all, target, none
        result = export(run, "onnx", output=tmp_path / f"out{number}", check_on=lines)
        assert_equal_throughout(result, run)
        model = portable(load_bundle(run))
        n_numbers = sum(array.size for array in model.weights.values()) + model.n_positions * model.shape.d_model
        size = (result.path / "weights.bin").stat().st_size
        assert 4 * n_numbers <= size <= 4 * n_numbers + 64 * (len(model.weights) + 1)
        assert all((result.path / f"{name}.onnx").stat().st_size < 100_000 for name in ("encoder", "decoder"))


def test_the_script_beside_the_graphs_gives_a_line_for_each(tmp_path: Path, lines: Path) -> None:
    skip_without("onnx")
    folder = export(GOLDEN, "onnx", output=tmp_path / "out", check_on=lines).path
    given = b"cat one\n\n  \nred dog three\r\ntwo \xff two\none"
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}

    def script(content: bytes, *arguments: str) -> subprocess.CompletedProcess[bytes]:
        command = [sys.executable, str(folder / "translate.py"), *arguments]
        return subprocess.run(command, input=content, env=environment, capture_output=True, cwd=tmp_path, check=False)

    for beam in (1, 5):
        done = script(given, "--beam", str(beam), "--threads", "1")
        assert done.returncode == 0, done.stderr
        texts = given.decode("utf-8", "replace").split("\n")
        assert done.stdout.decode().split("\n")[:-1] == s2s.Translator.load(GOLDEN, "cpu").translate(texts, beam=beam)
    done = script(b"one\n" + b"one two " * 600 + b"\n")
    assert (done.returncode, done.stdout) == (1, b"")
    assert b"error: a line has 1200 pieces, the model takes 1023" in done.stderr
    assert script(b"").stdout == b""


def test_the_weights_are_those_of_the_model() -> None:
    bundle = load_bundle(GOLDEN)
    model = portable(bundle)
    assert list(model.weights) == [name for name, _ in bundle.transformer.named_parameters()]
    assert all(array.dtype == np.float32 for array in model.weights.values())
