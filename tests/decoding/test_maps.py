"""Prepared linear maps are the linear maps."""

import pytest
import torch
import torch.nn.functional as F

from s2s.decoding import maps
from s2s.decoding.maps import PackedMap, preparation

CPU = torch.device("cpu")


@pytest.mark.parametrize("bias", [False, True])
@pytest.mark.parametrize("relu", [False, True])
@pytest.mark.parametrize("shape", [(1, 48), (5, 48), (300, 48), (3, 7, 48), (0, 48)])
def test_a_prepared_map_is_the_map(
    bias: bool, relu: bool, shape: tuple[int, ...], monkeypatch: pytest.MonkeyPatch
) -> None:
    torch.manual_seed(0)
    weight, b, x = torch.randn(70, 48), torch.randn(70) if bias else None, torch.randn(shape)
    expected = F.linear(x, weight, b)
    expected = expected.relu() if relu else expected
    prepared = preparation(torch.float32, CPU, int8=False)(weight, b, relu=relu)
    torch.testing.assert_close(prepared(x), expected, atol=1e-5, rtol=1e-5)
    monkeypatch.setattr(maps, "_has_onednn", lambda: False)
    plain = preparation(torch.float32, CPU, int8=False)(weight, b, relu=relu)
    assert not isinstance(plain, PackedMap)
    torch.testing.assert_close(plain(x), expected, atol=1e-6, rtol=1e-6)
    exact = preparation(torch.float64, CPU, int8=False)(weight, b, relu=relu)
    torch.testing.assert_close(exact(x.double()), expected.double(), atol=1e-5, rtol=1e-5)


def test_oneDNN_is_used_where_torch_has_it() -> None:
    prepared = preparation(torch.float32, CPU, int8=False)(torch.randn(3, 2), None)
    assert isinstance(prepared, PackedMap) == torch.backends.mkldnn.is_available()
