"""A server for each test that starts one."""

import contextlib
from collections.abc import Iterator
from typing import Any

import pytest
from running_server import GOLDEN, Running, Start, running

from s2s.decoding.translator import Translator


@pytest.fixture(scope="session")
def translator() -> Translator:
    return Translator.load(GOLDEN / "model", "cpu")


@pytest.fixture
def start(translator: Translator) -> Iterator[Start]:
    with contextlib.ExitStack() as stack:

        def begin(**options: Any) -> Running:
            translators = options.pop("translators", {"golden": translator})
            return stack.enter_context(running(translators, **options))

        yield begin
