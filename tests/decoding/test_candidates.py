"""The best continuations against a softmax and a sort of everything."""

import pytest
import torch
from torch import Tensor

from s2s.decoding import candidates
from s2s.decoding.candidates import Candidates


class Product:
    """Logits as they come."""

    def logits(self, hidden_CD: Tensor) -> Tensor:
        return hidden_CD.clone()


def reference(logits_NV: Tensor, sums_BM: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    n_sentences, beam = sums_BM.shape
    log_p = logits_NV.double().log_softmax(dim=1)
    log_p[:, :3] = float("-inf")
    everything = (sums_BM.double().view(-1, 1) + log_p).view(n_sentences, -1)
    sums, order = everything.topk(1 if beam == 1 else min(2 * beam, everything.size(1)), dim=1)
    v = logits_NV.size(1)
    return sums, order // v, order % v


@pytest.mark.parametrize("beam", [1, 2, 5])
@pytest.mark.parametrize("v", [5, 63, 64, 65, 1000])
@pytest.mark.parametrize("chunk", [2**21, 1])
def test_the_best_are_the_best(beam: int, v: int, chunk: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(candidates, "_CHUNK_NUMBERS", chunk)
    torch.manual_seed(beam * v)
    finder = Candidates(Product(), v, beam)
    for _ in range(3):  # memory is used again
        logits, sums = 5 * torch.randn(7 * beam, v), -3 * torch.rand(7, beam)
        sums[2, 1:] = float("-inf")
        logits[:, 1] = 40.0  # what may never be chosen takes nearly all probability
        found, places, pieces = finder.best(logits, sums)
        expected, expected_places, expected_pieces = reference(logits, sums)
        n = min(found.size(1), v - 3) if beam > 1 else 1  # sentence 2 has but one hypothesis
        torch.testing.assert_close(found[:, :n].double(), expected[:, :n], atol=1e-4, rtol=1e-5)
        alive = expected[:, :n] > float("-inf")
        assert torch.equal(places[:, :n][alive], expected_places[:, :n][alive])
        assert torch.equal(pieces[:, :n][alive], expected_pieces[:, :n][alive])


def test_a_row_alone_and_in_company_finds_the_same() -> None:
    torch.manual_seed(0)
    finder = Candidates(Product(), 200, 3)
    logits, sums = torch.randn(12, 200), torch.randn(4, 3)
    together = finder.best(logits, sums)
    for row in range(4):
        alone = finder.best(logits[3 * row : 3 * row + 3], sums[row : row + 1])
        for one, all_of_them in zip(alone, together, strict=True):
            assert torch.equal(one[0], all_of_them[row])
