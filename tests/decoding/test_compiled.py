"""The engine in C computes what the one in PyTorch computes, and each row by itself."""

from copy import deepcopy
from pathlib import Path

import pytest
import torch
from torch import Tensor

from s2s.decoding import compiled
from s2s.decoding import native as room
from s2s.decoding.compiled import CompiledEngine, fastest_engine
from s2s.decoding.engine import DecodingEngine
from s2s.decoding.native import Native, native
from s2s.decoding.search import SearchOptions, search
from s2s.model import Transformer, TransformerConfig
from s2s.symbols import EOS

needs_compiler = pytest.mark.skipif(native() is None, reason="this machine has no C compiler")
needs_8_bits = pytest.mark.skipif(
    not getattr(native(), "has_8_bits", False), reason="this processor has no VNNI, or this machine no C compiler"
)

# usual widths of a head, and sizes that fill no register, panel or group of four
SIZES = [(64, 2, 96), (128, 2, 256), (18, 3, 27)]


def functions() -> Native:
    found = native()
    assert found is not None
    return found


def random_model(norm: str = "pre", sizes: tuple[int, int, int] = SIZES[0], vocabulary: int = 70) -> Transformer:
    torch.manual_seed(3)
    d_model, n_heads, d_ff = sizes
    config = TransformerConfig(vocabulary, vocabulary, 2, 3, d_model, d_ff, n_heads, norm=norm)  # type: ignore[arg-type]
    model = Transformer(config)
    with torch.no_grad():
        for name, parameter in model.named_parameters():
            if "norm" in name or name.endswith("bias"):
                parameter += 0.3 * torch.randn_like(parameter)
        model.tgt_embedding.weight.mul_(3)
    return model.eval()


def random_sources(n: int, vocabulary: int = 70) -> list[Tensor]:
    generator = torch.Generator().manual_seed(n)
    lengths = torch.randint(1, 40, (n,), generator=generator).tolist()
    rows = [torch.randint(4, vocabulary, (length,), generator=generator) for length in lengths]
    return [torch.cat([row, torch.tensor([EOS])]) for row in rows]


def together(rows: list[Tensor]) -> Tensor:
    return torch.nn.utils.rnn.pad_sequence(rows, batch_first=True)


@needs_compiler
@pytest.mark.parametrize("norm", ["pre", "post"])
@pytest.mark.parametrize("sizes", SIZES)
@torch.inference_mode()
def test_steps_are_those_of_the_engine_in_pytorch(norm: str, sizes: tuple[int, int, int]) -> None:
    model = random_model(norm, sizes)
    engines = [CompiledEngine(functions(), model), DecodingEngine(deepcopy(model).double())]
    src, beam, generator = together(random_sources(7)), 3, torch.Generator().manual_seed(1)
    ours, plain = (engine.start(src, beam) for engine in engines)
    tokens, n_sentences = None, 7
    for step in range(20):
        found, expected = (
            engine.logits(engine.step(state, tokens)) for engine, state in zip(engines, (ours, plain), strict=True)
        )
        torch.testing.assert_close(found.double(), expected, atol=2e-4, rtol=1e-4)
        keep = None
        if step in (5, 11):  # some sentences leave
            keep = torch.tensor([0, 2, 3, 5]) if step == 5 else torch.tensor([1, 2])
            n_sentences = len(keep)
        parents = torch.randint(0, beam, (n_sentences, beam), generator=generator)
        for engine, state in zip(engines, (ours, plain), strict=True):
            engine.select(state, parents, keep)  # type: ignore[arg-type]
        tokens = torch.randint(4, 70, (n_sentences * beam,), generator=generator)


@needs_compiler
@pytest.mark.parametrize("beam", [1, 4])
def test_search_finds_what_it_finds_in_64_bits(beam: int) -> None:
    model, src = random_model(), together(random_sources(9))
    found = search(CompiledEngine(functions(), model), src, SearchOptions(beam))
    exact = search(DecodingEngine(model.double()), src, SearchOptions(beam))
    assert [best.ids for best, *_ in found] == [best.ids for best, *_ in exact]
    scores = [best.log_probability for best, *_ in exact]
    assert [best.log_probability for best, *_ in found] == pytest.approx(scores, rel=1e-4)


@needs_compiler
@pytest.mark.parametrize("int8", [False, pytest.param(True, marks=needs_8_bits)])
@pytest.mark.parametrize("beam", [1, 5])
def test_company_changes_no_bit(beam: int, int8: bool) -> None:
    engine, rows = CompiledEngine(functions(), random_model(), int8), random_sources(65)
    options = SearchOptions(beam, n_best=beam)
    alone = [search(engine, row[None], options)[0] for row in rows]
    assert search(engine, together(rows), options) == alone
    order = torch.randperm(65, generator=torch.Generator().manual_seed(0)).tolist()
    for start in range(0, 65, 7):
        some = order[start : start + 7]
        assert search(engine, together([rows[i] for i in some]), options) == [alone[i] for i in some]


@needs_compiler
def test_later_changes_of_the_model_are_not_seen() -> None:
    model, src = random_model(), together(random_sources(3))
    engine = CompiledEngine(functions(), model)
    with torch.inference_mode():
        before = engine.logits(engine.step(engine.start(src, 1), None))
        for layer in [*model.encoder, *model.decoder]:
            for parameter in layer.parameters():
                parameter.fill_(7.0)
        torch.testing.assert_close(engine.logits(engine.step(engine.start(src, 1), None)), before)


@needs_8_bits
@pytest.mark.parametrize(("n_in", "n_out"), [(64, 64), (30, 70), (5, 1), (512, 200)])
def test_a_map_in_8_bits_is_close_and_row_by_row(n_in: int, n_out: int) -> None:
    torch.manual_seed(0)
    weight, bias, x = torch.randn(n_out, n_in), torch.randn(n_out), torch.randn(200, n_in)
    x *= torch.logspace(-6, 6, 200)[:, None]
    x[7], x[9] = 0.0, float("nan")
    keep: list[Tensor] = []
    struct = functions().packed(weight, bias, int8=True, keep=keep)
    found = functions().map(struct, x)
    # a row's and an output's numbers are each rounded to a 127th of the largest
    error = (found.double() - bias - x.double() @ weight.double().T).abs()
    bound = x.abs().amax(1)[:, None] * weight.abs().sum(1) / 254 + x.abs().sum(1)[:, None] * weight.abs().amax(1) / 254
    rest = torch.tensor([row for row in range(200) if row not in (7, 9)])
    assert (error[rest] < 1.01 * bound[rest] + 1e-6).all()
    assert found[9].isnan().all()
    assert torch.equal(found[7], bias)
    for row in (0, 100, 199):
        assert torch.equal(functions().map(struct, x[row : row + 1])[0], found[row])


@needs_8_bits
@torch.inference_mode()
def test_8_bits_are_close_to_32() -> None:
    model, src = random_model(), together(random_sources(9))
    exact, rough = (CompiledEngine(functions(), model, int8) for int8 in (False, True))
    one, other = (engine.logits(engine.step(engine.start(src, 1), None)) for engine in (exact, rough))
    assert 0 < (one - other).norm() < 0.05 * one.norm()


@needs_compiler
def test_sums_of_exponentials_and_largest_numbers() -> None:
    torch.manual_seed(0)
    x = 10 * torch.randn(40, 1003)
    x[1, 5:], x[2], x[3, 7], x[4] = float("-inf"), 1e4, 3e38, -1e30
    torch.testing.assert_close(functions().log_sum_exp(x), x.double().logsumexp(1).float(), rtol=1e-6, atol=1e-5)
    values, places = functions().largest(x)
    assert torch.equal(values, x.max(dim=1).values)
    assert torch.equal(x.gather(1, places[:, None])[:, 0], values)
    assert places[2] == 0
    x[5] = float("nan")
    assert functions().log_sum_exp(x)[5].isnan()
    assert functions().largest(x)[0][5].isnan()


@needs_compiler
def test_the_fastest_engine_is_compiled_where_it_can_be(monkeypatch: pytest.MonkeyPatch) -> None:
    model = random_model()
    assert isinstance(fastest_engine(model), CompiledEngine)
    assert isinstance(fastest_engine(model, torch.bfloat16), DecodingEngine)
    monkeypatch.setattr(compiled, "native", lambda: None)
    assert isinstance(fastest_engine(model), DecodingEngine)
    assert isinstance(fastest_engine(model.double()), DecodingEngine)


@needs_compiler
def test_the_library_is_made_once_in_a_folder_of_ones_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    assert native.__wrapped__() is not None
    folder = tmp_path / "cache/s2s"
    (library,) = folder.glob("*.so")
    made = library.stat().st_mtime_ns
    assert native.__wrapped__() is not None
    assert [one.stat().st_mtime_ns for one in folder.glob("*.so")] == [made]
    half = tmp_path / "half"
    half.write_bytes(library.read_bytes()[:1000])  # a disk was full
    half.replace(library)
    assert native.__wrapped__() is not None
    assert library.stat().st_size > 1000
    monkeypatch.setenv("CC", "cc -g")
    assert native.__wrapped__() is not None
    assert len(list(folder.iterdir())) == 4
    folder.chmod(0o777)  # anybody could put a library of his own there
    assert native.__wrapped__() is None


def no_home() -> Path:
    raise RuntimeError("Could not determine home directory.")


@pytest.mark.parametrize("why", ["off", "no compiler", "broken compiler", "no folder", "no home"])
def test_without_the_library_pytorch_does_it(why: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    if why == "off":
        monkeypatch.setenv("S2S_NATIVE", "off")
    elif why == "no compiler":
        monkeypatch.setenv("PATH", str(tmp_path))
    elif why == "broken compiler":
        monkeypatch.setenv("CC", "false")
    elif why == "no home":
        monkeypatch.delenv("XDG_CACHE_HOME")
        monkeypatch.setattr(Path, "home", no_home)
    else:
        (tmp_path / "s2s").write_text("a file")
    assert native.__wrapped__() is None
    assert not list(tmp_path.glob("s2s/*"))


@needs_compiler
def test_another_processor_or_compiler_gets_another_library(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    compiler = tmp_path / "cc"
    compiler.write_text("a compiler")
    here = room._fingerprint([str(compiler)])
    assert room._fingerprint([str(compiler)]) == here
    assert room._fingerprint([str(compiler), "-m32"]) != here
    compiler.write_text("a newer compiler")
    newer = room._fingerprint([str(compiler)])
    assert newer != here
    monkeypatch.setattr(room, "_processor", lambda: iter(["model name : another"]))
    assert room._fingerprint([str(compiler)]) != newer


@needs_compiler
def test_a_compiler_without_gccs_flags_does_too(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    strict = tmp_path / "strict"
    strict.write_text('#!/bin/sh\ncase "$*" in *-fno-tree-pre*) exit 1;; esac\nexec cc "$@"\n')
    strict.chmod(0o755)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    monkeypatch.setenv("CC", str(strict))
    assert native.__wrapped__() is not None


@needs_compiler
@torch.inference_mode()
def test_defaults_of_pytorch_change_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    model, src = random_model(), together(random_sources(5))
    expected = search(CompiledEngine(functions(), model), src, SearchOptions(3))
    torch.set_default_dtype(torch.float64)
    try:
        found = search(CompiledEngine(functions(), model), src, SearchOptions(3))
    finally:
        torch.set_default_dtype(torch.float32)
    assert [best.ids for best, *_ in found] == [best.ids for best, *_ in expected]
