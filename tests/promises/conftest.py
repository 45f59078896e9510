"""Promises are tests of two sizes: small in `make test`; in `make promises`, full, with their figures printed."""

import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from children import Server
from trainings import Training, write_data

FIGURES: dict[str, tuple[list[str], float]] = {}


@pytest.fixture
def size(request: pytest.FixtureRequest) -> Callable[[int, int], int]:
    """How many: `size(fast, full)`."""
    full = request.config.getoption("--full")
    return lambda fast, whole: whole if full else fast


@pytest.fixture(scope="session")
def is_full(request: pytest.FixtureRequest) -> bool:
    """Whether these are the promises at full size."""
    return bool(request.config.getoption("--full"))


@pytest.fixture
def measured(request: pytest.FixtureRequest) -> Iterator[Callable[[str, str], None]]:
    """Note a figure of a promise: `measured("P1", "200 kills: 0 differences")`."""
    began, noted = time.perf_counter(), list[str]()

    def note(promise: str, figure: str) -> None:
        texts, seconds = FIGURES.get(promise, ([], 0.0))
        FIGURES[promise] = ([*texts, figure], seconds)
        noted.append(promise)

    yield note
    for promise in set(noted):
        texts, seconds = FIGURES[promise]
        FIGURES[promise] = (texts, seconds + time.perf_counter() - began)


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter, config: pytest.Config) -> None:
    if not FIGURES or not config.getoption("--full"):
        return
    terminalreporter.section("promises, measured")
    for promise in sorted(FIGURES, key=lambda name: int(name.strip("P"))):
        texts, seconds = FIGURES[promise]
        terminalreporter.write_line(f"{promise:<4} {seconds:6.0f} s  {texts[0]}")
        for text in texts[1:]:
            terminalreporter.write_line(f"{'':15}{text}")


@pytest.fixture(scope="session")
def server(tmp_path_factory: pytest.TempPathFactory) -> Server:
    """Starts children within milliseconds."""
    return Server(tmp_path_factory.mktemp("server"))


@pytest.fixture(scope="session")
def faulty(server: Server) -> Server:
    """The same, where faults can be injected."""
    if server.faults is None:
        pytest.skip("faults are injected on Linux with a C compiler (cc) only")
    return server


@pytest.fixture(scope="session")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a small corpus."""
    return write_data(tmp_path_factory.mktemp("data"))


@pytest.fixture(scope="session")
def reference(server: Server, data: Path, tmp_path_factory: pytest.TempPathFactory) -> Training:
    """A training that nothing has disturbed."""
    training = Training(server, tmp_path_factory.mktemp("reference") / "home", data)
    training.finish()
    return training
