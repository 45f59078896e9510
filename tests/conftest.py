"""What all tests share."""

import os
import signal
from pathlib import Path

import hypothesis
import pytest
from small_corpus import small_config

from s2s.config.schema import Config

os.environ["HF_HUB_OFFLINE"] = "1"
os.environ["HF_HUB_DISABLE_TELEMETRY"] = "1"

hypothesis.settings.register_profile("s2s", deadline=None)  # a busy machine is no fault
hypothesis.settings.load_profile("s2s")

# a shell's background job ignores Ctrl-C, and so do its children: tests of it would wait for ever
signal.signal(signal.SIGINT, signal.default_int_handler)


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--full", action="store_true", help="the promises (tests/promises) at full size: make promises")


@pytest.fixture(autouse=True, scope="session")
def _one_thread() -> None:
    """One torch thread: tiny tensors are faster so, and sums come out in one order."""
    os.environ["OMP_NUM_THREADS"] = "1"
    import torch

    torch.set_num_threads(1)


@pytest.fixture
def tiny_config(tmp_path: Path) -> Config:
    """A config, with its corpus, that trains in a second or two."""
    return small_config(tmp_path)
