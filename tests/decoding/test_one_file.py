"""The model in one file: the same model as in a folder, damage is found, and what is hostile is refused."""

import hashlib
import json
import re
import struct
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from safetensors import safe_open
from safetensors.torch import load_file

from s2s.corpus.vocabulary import Vocabularies, Vocabulary
from s2s.decoding import one_file
from s2s.decoding.bundle import (
    Bundle,
    build_transformer,
    bundle_sum,
    load_bundle,
    load_facts,
    load_languages,
    load_targets,
    save_as_file,
    save_bundle,
)
from s2s.decoding.one_file import is_one_file
from s2s.decoding.translator import Translator
from s2s.errors import DataError, InputMissingError
from s2s.model.weights import weights_of

GOLDEN = Path(__file__).parents[1] / "golden" / "model"

QUIET = settings(max_examples=150, suppress_health_check=[HealthCheck.function_scoped_fixture], derandomize=True)


class Content(bytes):
    """Of a file; a failing test does not print it."""

    def __repr__(self) -> str:
        return "…"


@pytest.fixture(scope="module")
def content(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    path = tmp_path_factory.mktemp("one") / "model.s2s"
    save_as_file(load_bundle(GOLDEN), path)
    return Content(path.read_bytes())


@pytest.fixture
def path(tmp_path: Path, content: bytes) -> Path:
    path = tmp_path / "model.s2s"
    path.write_bytes(content)
    return path


def same(one: Bundle, other: Bundle) -> bool:
    ours, theirs = weights_of(one.transformer), weights_of(other.transformer)
    rest = [name for name in vars(one) if name not in ("transformer", "vocabularies")]
    return (
        ours.keys() == theirs.keys()
        and all(torch.equal(ours[name], theirs[name]) for name in ours)
        and one.vocabularies.files == other.vocabularies.files
        and all(getattr(one, name) == getattr(other, name) for name in rest)
    )


def test_it_is_the_same_model_as_in_a_folder(path: Path, tmp_path: Path) -> None:
    folder, file = load_bundle(GOLDEN), load_bundle(path)
    assert same(folder, file)
    assert file.vocabularies.shared
    lines = ["one", "cat one", "", "red dog three"]
    assert Translator.load(path, "cpu").translate(lines) == Translator.load(GOLDEN, "cpu").translate(lines)
    assert (load_facts(path), load_languages(path)) == (load_facts(GOLDEN), load_languages(GOLDEN))
    assert load_targets(path) == []
    again = tmp_path / "again.s2s"
    said = save_as_file(file, again)
    assert again.read_bytes() == path.read_bytes()
    assert bundle_sum(path) == said == json.loads(head_of(path.read_bytes()))["__metadata__"]["sha256"]
    save_bundle(file, tmp_path / "model")
    assert bundle_sum(tmp_path / "model") == bundle_sum(GOLDEN)


def test_two_vocabularies_and_several_targets_are_kept(tmp_path: Path) -> None:
    given_ = load_bundle(GOLDEN)
    sides = Vocabularies(*(Vocabulary(given_.vocabularies.src.model) for _ in range(2)))
    config = given_.model_config.model_copy(update={"tied": "none"})
    changes = {"vocabularies": sides, "model_config": config, "targets": ("de", "fr")}
    bundle = Bundle(**{**vars(given_), **changes, "transformer": build_transformer(config, sides).eval()})
    save_as_file(bundle, tmp_path / "x.s2s")
    found = load_bundle(tmp_path / "x.s2s")
    assert same(found, bundle)
    assert not found.vocabularies.shared
    assert load_targets(tmp_path / "x.s2s") == ["de", "fr"]


def test_any_reader_of_safetensors_opens_it(path: Path) -> None:
    stored = load_file(path)
    assert torch.equal(stored["weights.tgt_embedding.weight"], load_bundle(GOLDEN).transformer.tgt_embedding.weight)
    assert stored["vocabulary.shared.model"].numpy().tobytes() == (GOLDEN / "shared.model").read_bytes()
    with safe_open(path, "np") as file:
        metadata = file.metadata()
    assert json.loads(metadata["generation"]) == json.loads((GOLDEN / "generation.json").read_bytes())
    content = path.read_bytes()
    assert hashlib.sha256(content.replace(metadata["sha256"].encode(), b"0" * 64)).hexdigest() == metadata["sha256"]
    assert (8 + int.from_bytes(content[:8], "little")) % 8 == 0  # so that numbers can be mapped where they lie


def head_of(content: bytes) -> bytes:
    return content[8 : 8 + int.from_bytes(content[:8], "little")]


def test_every_kind_of_file_is_told_apart(path: Path, tmp_path: Path) -> None:
    (tmp_path / "text.de").write_text('{"eins": 2}\nzwei\n', "utf-8")
    (tmp_path / "damaged.s2s").write_text("eins\n", "utf-8")
    (tmp_path / "empty").touch()
    path.rename(tmp_path / "renamed")
    found = {one.name: is_one_file(one) for one in (*tmp_path.iterdir(), GOLDEN, tmp_path / "gone.s2s")}
    assert found == {
        "text.de": False, "damaged.s2s": True, "empty": False, "renamed": True, "model": False, "gone.s2s": False
    }  # fmt: skip
    with pytest.raises(DataError, match=r"text\.de.*is no model file"):
        load_bundle(tmp_path / "text.de")
    with pytest.raises(InputMissingError, match="no such model"):
        load_bundle(tmp_path / "gone.s2s")


def refused(path: Path, content: bytes, match: str = ".") -> None:
    """Whoever reads a file of this content says what is wrong with it, and where."""
    path.write_bytes(content)
    with pytest.raises(DataError, match=match) as caught:
        load_bundle(path)
    assert str(path) in str(caught.value)


@QUIET
@given(st.data())
def test_whatever_byte_is_changed_it_is_found(path: Path, content: bytes, data: st.DataObject) -> None:
    n_head = 8 + len(head_of(content))
    place = data.draw(st.one_of(st.integers(0, n_head - 1), st.integers(0, len(content) - 1)))
    changed = bytearray(content)
    changed[place] ^= data.draw(st.integers(1, 255))
    refused(path, bytes(changed))


@QUIET
@given(st.data())
def test_a_file_that_ends_early_or_late_is_refused(path: Path, content: bytes, data: st.DataObject) -> None:
    refused(path, content[: data.draw(st.integers(0, len(content) - 1))])
    refused(path, content + data.draw(st.binary(min_size=1, max_size=20)))


@QUIET
@given(st.binary(max_size=300), st.binary(max_size=100))
def test_any_bytes_at_all_are_refused(path: Path, head: bytes, rest: bytes) -> None:
    refused(path, head + rest)
    refused(path, len(head).to_bytes(8, "little") + head + rest)
    refused(path, (len(head) + 1).to_bytes(8, "little") + b"{" + head + rest)


def resealed(content: bytes, change: Callable[[dict[str, Any]], Any], data: bytes | None = None) -> bytes:
    """The file with another header and a sum that fits it, as somebody would make it who means harm."""
    head = json.loads(head_of(content))
    head = change(head) or head
    body = content[8 + len(head_of(content)) :] if data is None else data
    if isinstance(head.get("__metadata__"), dict):
        head["__metadata__"]["sha256"] = "0" * 64
    raw = json.dumps(head).encode()
    whole = len(raw).to_bytes(8, "little") + raw + body
    return whole.replace(b"0" * 64, hashlib.sha256(whole).hexdigest().encode(), 1)


def config(changes: dict[str, Any]) -> Callable[[dict[str, Any]], None]:
    """Changes what the file says about the model."""

    def change(head: dict[str, Any]) -> None:
        said = json.loads(head["__metadata__"]["config"])
        for key, value in changes.items():
            *way, last = key.split(".")
            part = said
            for name in way:
                part = part[name]
            part[last] = value
        head["__metadata__"]["config"] = json.dumps(said)

    return change


def entry(name: str, **changes: Any) -> Callable[[dict[str, Any]], None]:
    return lambda head: head[name].update(changes)


def metadata(**changes: Any) -> Callable[[dict[str, Any]], None]:
    return lambda head: head["__metadata__"].update(changes)


EMBEDDING = "weights.tgt_embedding.weight"

HOSTILE: dict[str, Callable[[dict[str, Any]], Any]] = {
    "no metadata": lambda head: head.pop("__metadata__") and head,
    "metadata is a list": lambda head: {**head, "__metadata__": []},
    "another format": metadata(format="other"),
    "a newer version": metadata(format_version="2"),
    "a version that is no text": metadata(format_version=1),
    "config is no JSON": metadata(config="{"),
    "config is a list": metadata(config="[]"),
    "config is deep": metadata(config='{"a":' * 100_000),
    "generation is gone": lambda head: head["__metadata__"].pop("generation") and None,
    "a beam of a billion": metadata(generation='{"beam": 1000000000}'),
    "a number of 5,000 digits": metadata(generation='{"beam": ' + "9" * 5000 + "}"),
    "a tensor is missing": lambda head: head.pop(EMBEDDING) and head,
    "a tensor of 400 GB": entry(EMBEDDING, shape=[10**11], data_offsets=[0, 4 * 10**11]),
    "a shape that overflows": entry(EMBEDDING, shape=[2**62, 2**62]),
    "a negative shape": entry(EMBEDDING, shape=[-1, 4]),
    "a shape of its own": entry(EMBEDDING, shape=[1, 1]),
    "another type": entry(EMBEDDING, dtype="I32"),
    "an unknown type": entry(EMBEDDING, dtype="PICKLE"),
    "a vocabulary of floats": entry("vocabulary.shared.model", dtype="F32"),
    "the vocabulary is gone": lambda head: head.pop("vocabulary.shared.model") and head,
    "a vocabulary that climbs out": lambda head: {
        **head, "vocabulary.../../x.model": head.pop("vocabulary.shared.model")
    },
    "the vocabulary is a weight": entry("vocabulary.shared.model", data_offsets=[0, 100], shape=[100]),
    "an entry that is none": lambda head: {**head, EMBEDDING: "x"},
    "wide beyond memory": config({"model.d_model": 16_384}),
    "an inner layer beyond memory": config({"model.d_ff": 65_536}),
    "a hundred layers": config({"model.n_decoder_layers": 100}),
    "heads that do not fit": config({"model.n_heads": 3}),
    "untied": config({"model.tied": "none"}),
    "post-norm": config({"model.norm": "post"}),
    "no model": config({"model": None}),
    "facts are text": config({"facts": "x"}),
    "format 2": config({"format_version": 2}),
    "a longest source that is infinite": config({"max_source_length": float("inf")}),
    "a longest source that is no number": config({"max_source_length": "x"}),
    "targets are a number": config({"targets": 3}),
}  # fmt: skip


def test_what_is_hostile_is_refused_although_its_sum_fits(path: Path, content: bytes) -> None:
    load_bundle(rewritten(path, resealed(content, lambda _: None)))  # the sum does fit
    for what, change in HOSTILE.items():
        try:
            refused(path, resealed(content, change))
        except BaseException as error:
            raise AssertionError(what) from error


def rewritten(path: Path, content: bytes) -> Path:
    path.write_bytes(content)
    return path


@QUIET
@given(
    st.sampled_from([None, EMBEDDING, "vocabulary.shared.model", "__metadata__"]),
    st.recursive(
        st.one_of(st.none(), st.booleans(), st.integers(), st.floats(), st.text(max_size=8)),
        lambda inner: st.one_of(
            st.lists(inner, max_size=3),
            st.dictionaries(
                st.sampled_from(["dtype", "shape", "data_offsets", "config", "format", "sha256"]), inner, max_size=4
            ),
        ),
        max_leaves=8,
    ),
)
def test_any_header_is_refused_or_read(path: Path, content: bytes, name: str | None, value: Any) -> None:
    changed = resealed(content, lambda head: {**head, name or "more": value})
    refused(path, changed)


def test_the_header_and_the_vocabulary_have_limits(path: Path, content: bytes, monkeypatch: pytest.MonkeyPatch) -> None:
    refused(path, struct.pack("<Q", 2**63) + content[8:], "is no model file")
    with path.open("wb") as file:  # a hole: as long as it says, and nothing of it is read
        file.write(struct.pack("<Q", one_file.MAX_HEADER + 1) + b"{")
        file.truncate(one_file.MAX_HEADER + 100)
    with pytest.raises(DataError, match="is no model file"):
        load_bundle(path)
    monkeypatch.setattr(one_file, "MAX_VOCABULARY", 1000)
    refused(path, content, "its vocabulary has over 1,000 bytes")


def test_a_file_that_cannot_be_read_is_said_to_be(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: object, **__: object) -> None:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(Path, "open", fail)
    for read in (load_bundle, load_facts, bundle_sum):
        with pytest.raises(InputMissingError, match="Permission denied"):
            read(path)
    assert is_one_file(path)


def test_numbers_lie_as_they_are_declared(content: bytes) -> None:
    """The layout, by hand: what is read without any library."""
    head = json.loads(head_of(content))
    begin, end = head[EMBEDDING]["data_offsets"]
    body = content[8 + len(head_of(content)) :]
    table = np.frombuffer(body[begin:end], "<f4").reshape(head[EMBEDDING]["shape"])
    assert np.array_equal(table, load_bundle(GOLDEN).transformer.tgt_embedding.weight.detach().numpy())


def test_the_check_without_s2s_in_the_documentation_works(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    page = (Path(__file__).parents[2] / "docs" / "export.md").read_text("utf-8")
    [code] = re.findall(r"```python\n(import hashlib.*?)```", page, re.DOTALL)
    monkeypatch.chdir(path.parent)
    path.rename("demo.s2s")
    exec(code, {})
    content = bytearray(Path("demo.s2s").read_bytes())
    content[-1] ^= 1
    Path("demo.s2s").write_bytes(content)
    with pytest.raises(AssertionError):
        exec(code, {})
