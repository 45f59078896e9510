"""MPS has no float64: what searches and draws there may not use it."""

from collections.abc import Callable
from typing import Any

import pytest
import torch
from test_search import ScriptedModel
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves

from s2s.decoding import sampling, search
from s2s.decoding.sampling import Sampling, sample
from s2s.decoding.search import SearchOptions
from s2s.model.loss import finest_type
from s2s.symbols import EOS


class NoFloat64(TorchDispatchMode):
    """As on a device that has none."""

    def __torch_dispatch__(
        self, func: Any, types: Any, args: tuple[Any, ...] = (), kwargs: dict[str, Any] | None = None
    ) -> Any:
        found = func(*args, **(kwargs or {}))
        for leaf in tree_leaves(found):
            if isinstance(leaf, torch.Tensor):
                assert leaf.dtype != torch.float64, f"{func} makes float64"
        return found


def beams() -> Any:
    return search.search(ScriptedModel(2), torch.tensor([[5, 6, EOS]]), SearchOptions(beam=3, n_best=2))


def samples() -> Any:
    return sample(ScriptedModel(2), torch.tensor([[5, 6, EOS]]), SearchOptions(beam=3), Sampling(top_p=0.9), [1])


@pytest.mark.parametrize("translate", [beams, samples])
def test_sums_are_in_the_finest_type_that_the_device_has(
    translate: Callable[[], Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    assert (finest_type(torch.device("mps")), finest_type(torch.device("cpu"))) == (torch.float32, torch.float64)
    with NoFloat64(), pytest.raises(AssertionError, match="float64"):
        translate()
    for module in (sampling, search):
        monkeypatch.setattr(module, "finest_type", lambda _: torch.float32)
    with NoFloat64():
        assert translate()
