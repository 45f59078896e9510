"""8 bits: close to what it stands for, each row by itself, and refused where it would be wrong."""

from pathlib import Path

import pytest
import torch

from s2s.decoding.bundle import load_bundle
from s2s.decoding.engine import DecodingEngine
from s2s.decoding.int8 import Int8Map, check_int8
from s2s.decoding.translator import Translator
from s2s.errors import UsageError

GOLDEN = Path(__file__).parents[1] / "golden" / "model"


def able() -> bool:
    try:
        check_int8(torch.device("cpu"))
    except UsageError:
        return False
    return True


needs_vnni = pytest.mark.skipif(not able(), reason="this processor has no VNNI")


@needs_vnni
@pytest.mark.parametrize("bias", [False, True])
def test_a_map_in_8_bits_is_close_to_the_map(bias: bool) -> None:
    torch.manual_seed(0)
    weight, x = torch.randn(70, 48), torch.randn(5, 3, 48) * torch.logspace(-3, 3, 5)[:, None, None]
    b = torch.randn(70) if bias else None
    expected = torch.nn.functional.linear(x, weight, b)
    found = Int8Map(weight, b)(x)
    assert found.shape == expected.shape
    error = (found - expected).norm(dim=2) / torch.nn.functional.linear(x, weight).norm(dim=2)
    assert error.max() < 0.02


@needs_vnni
def test_zeros_and_outliers_do_not_touch_other_rows() -> None:
    torch.manual_seed(0)
    weight, x = torch.randn(16, 32), torch.randn(4, 32)
    alone = Int8Map(weight, None)(x[:1])
    x[1], x[2] = 0.0, 1e6
    together = Int8Map(weight, None)(x)
    assert torch.equal(together[:1], alone)
    assert not together[1].any()


@needs_vnni
def test_the_golden_model_translates_nearly_the_same() -> None:
    bundle = load_bundle(GOLDEN)
    src = torch.tensor([[5, 9, 3, 0], [7, 8, 6, 3]])
    exact, rough = (DecodingEngine(bundle.transformer, int8=int8) for int8 in (False, True))
    with torch.inference_mode():
        one, other = (
            engine.logits(engine.step(engine.start(src, 2), None)).log_softmax(dim=1) for engine in (exact, rough)
        )
    assert (one.exp() - other.exp()).abs().max() < 0.05
    assert not torch.equal(one, other)


@needs_vnni
def test_a_sentence_is_translated_alike_whatever_its_company() -> None:
    translator = Translator.load(GOLDEN, "cpu", int8=True)
    lines = ["one cat", "red dog two three", "blue", "three two one"]
    assert translator.precision == "int8"
    assert translator.translate(lines) == [translator.translate([line])[0] for line in lines]


def test_where_it_would_be_wrong_it_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(UsageError, match="is for the CPU"):
        check_int8(torch.device("cuda"))
    monkeypatch.setattr(torch.cpu, "_is_vnni_supported", lambda: False)
    with pytest.raises(UsageError, match="VNNI"):
        Translator.load(GOLDEN, "cpu", int8=True)
