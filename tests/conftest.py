"""What all tests share."""

import os

import pytest


@pytest.fixture(autouse=True, scope="session")
def _one_thread() -> None:
    """One torch thread: tiny tensors are faster so, and sums come out in one order."""
    os.environ["OMP_NUM_THREADS"] = "1"
    os.environ["HF_HUB_OFFLINE"] = "1"
    import torch

    torch.set_num_threads(1)
