"""Decoding speed, in turns with CTranslate2 on the very same weights if that is installed.

    python benchmarks/decode_speed.py RUN LINES [--shape tiny base] [--beam 1 5] [--type float32 int8] [--rounds 3]
                                      [--threads N]

RUN is a trained run, LINES a file of source text. The run's model is timed, with outputs as long as they come; or, with
--shape, models of those shapes with its vocabulary and random weights: nothing ends there by itself, and every
translation has exactly 15 pieces, for both tools. Text is encoded before and decoded after the clock runs. Both get the
batch size and the threading that is best for them (tried first); then they take turns, and each turn gives a ratio.
"""

import argparse
import itertools
import statistics
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

import torch

from s2s.config.schema import Config
from s2s.decoding.bundle import Bundle, build_transformer, load_bundle, save_bundle
from s2s.decoding.search import SearchOptions
from s2s.decoding.translator import Translator
from s2s.errors import UsageError
from s2s.jobs.export import export
from s2s.runtime import set_threads

FIXED = 15  # pieces of every translation of a random model
N_ALONE = 40  # sentences that are translated one by one
BATCHES = [1024, 4096, 16_384]  # tokens: sentences × beam × longest source


@dataclass(frozen=True)
class FixedLength(SearchOptions):
    """As many pieces for every sentence."""

    def max_length(self, n_source_pieces: int) -> int:
        """The same for all."""
        return FIXED


Run = Callable[[], object]
PAUSE = 0.5  # seconds between tools: OpenMP threads of the one wait actively, and would take the cores from the other


def random_bundle(shape: str, like: Bundle) -> Bundle:
    """A model of a shape with random weights and another's vocabulary."""
    run = {"run": "unused", "data": {"source": "a", "target": "b", "train": "unused", "valid": "unused"}}
    config = Config.model_validate({**run, "model": {"preset": shape}, "train": {}}).model
    torch.manual_seed(1)
    return replace(like, transformer=build_transformer(config, like.vocabularies).eval(), model_config=config)


def seconds_of(run: Run) -> float:
    """Time of one go."""
    began = time.perf_counter()
    run()
    return time.perf_counter() - began


def ours(bundle: Bundle, parts: list[list[int]], options: SearchOptions, int8: bool) -> list[Run]:
    """s2s with each batch size."""
    runs: list[Run] = []
    for tokens in BATCHES:
        decode = bundle.decode.model_copy(update={"batch_tokens": tokens * options.beam})
        translator = Translator(replace(bundle, decode=decode), int8=int8)
        runs.append(lambda translator=translator: translator._search(parts, options, lambda: None, None))
    return runs


def theirs(folder: Path, pieces: list[list[str]], beam: int, int8: bool, n_threads: int, fixed: bool) -> list[Run]:
    """CTranslate2 with each batch size, its threads in one translation or in several."""
    import ctranslate2

    runs: list[Run] = []
    for intra, inter in {(n_threads, 1), (1, n_threads)}:
        kind = "int8" if int8 else "float32"
        tool = ctranslate2.Translator(str(folder), compute_type=kind, intra_threads=intra, inter_threads=inter)
        for tokens in BATCHES:
            limits = {"max_decoding_length": FIXED} if fixed else {"max_decoding_length": 200}
            runs.append(
                lambda tool=tool, tokens=tokens, limits=limits: tool.translate_batch(
                    pieces, beam_size=beam, max_batch_size=tokens, batch_type="tokens", **limits
                )
            )
    return runs


def compare(name: str, tools: dict[str, list[Run]], n_sentences: int, rounds: int) -> str:
    """Find each tool's best setting, then let the tools take turns."""
    best = {}
    for tool, runs in tools.items():
        runs[0]()
        best[tool] = min(runs, key=seconds_of)
    times: dict[str, list[float]] = {tool: [] for tool in tools}
    for _ in range(rounds):
        for tool, run in best.items():
            time.sleep(PAUSE)
            times[tool].append(seconds_of(run))
    medians = {tool: statistics.median(found) for tool, found in times.items()}
    rates = "  ".join(f"{tool} {n_sentences / seconds:8.1f} sentences/s" for tool, seconds in medians.items())
    if len(medians) < 2:
        return f"{name:28} {rates}"
    first, second = times.values()
    ratios = [other / own for own, other in zip(first, second, strict=True)]
    return f"{name:28} {rates}  ratio {statistics.median(ratios):.2f} ({min(ratios):.2f} to {max(ratios):.2f})"


def latency(name: str, tools: dict[str, list[Run]]) -> str:
    """Median and 95th percentile of single sentences, in milliseconds; the tools take turns of ten sentences."""
    times: dict[str, list[float]] = {tool: [] for tool in tools}
    for start in range(0, N_ALONE, 10):
        for tool, runs in tools.items():
            time.sleep(PAUSE)
            runs[start]()
            times[tool] += [1e3 * seconds_of(run) for run in runs[start : start + 10]]
    texts = [
        f"{tool} {statistics.median(found):.1f} ms (95 %: {statistics.quantiles(found, n=20)[-1]:.1f})"
        for tool, found in times.items()
    ]
    return f"{name:28} {'  '.join(texts)}"


def measure(bundle: Bundle, name: str, exported: Path | None, arguments: argparse.Namespace) -> None:
    """All that is asked for, of one model."""
    lines = [line for line in arguments.lines.read_text("utf-8").split("\n") if line]
    parts = bundle.vocabularies.src.encode_all(lines)
    pieces = [bundle.vocabularies.src.pieces(line) for line in lines]
    fixed, n_threads = arguments.shape is not None, arguments.threads
    for kind, beam in itertools.product(arguments.type, arguments.beam):
        int8, options = kind == "int8", FixedLength(beam=beam) if fixed else SearchOptions(beam=beam)
        tools = {"s2s": ours(bundle, parts, options, int8)}
        single = {"s2s": _single(bundle, parts[:N_ALONE], options, int8)}
        if exported:
            tools["CTranslate2"] = theirs(exported, pieces, beam, int8, n_threads, fixed)
            single["CTranslate2"] = _their_single(exported, pieces[:N_ALONE], beam, int8, n_threads, fixed)
        label = f"{name} {kind} beam {beam}"
        print(compare(label, tools, len(parts), arguments.rounds), flush=True)
        print(latency(f"{label} alone", single), flush=True)


def _single(bundle: Bundle, parts: list[list[int]], options: SearchOptions, int8: bool) -> list[Run]:
    translator = Translator(bundle, int8=int8)
    return [lambda ids=ids: translator._search([ids], options, lambda: None, None) for ids in parts]  # type: ignore[misc]


def _their_single(
    folder: Path, pieces: list[list[str]], beam: int, int8: bool, n_threads: int, fixed: bool
) -> list[Run]:
    import ctranslate2

    kind = "int8" if int8 else "float32"
    tool = ctranslate2.Translator(str(folder), compute_type=kind, intra_threads=n_threads, inter_threads=1)
    limit = FIXED if fixed else 200
    return [
        lambda one=one: tool.translate_batch([one], beam_size=beam, max_decoding_length=limit)  # type: ignore[misc]
        for one in pieces
    ]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("run", type=Path)
    parser.add_argument("lines", type=Path)
    parser.add_argument("--shape", nargs="+")
    parser.add_argument("--beam", nargs="+", type=int, default=[1, 5])
    parser.add_argument("--type", nargs="+", choices=("float32", "int8"), default=["float32", "int8"])
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--threads", type=int)
    arguments = parser.parse_args()
    arguments.threads = set_threads(arguments.threads)
    trained = load_bundle(arguments.run)
    for name in arguments.shape or [arguments.run.name]:
        bundle = random_bundle(name, trained) if arguments.shape else trained
        with tempfile.TemporaryDirectory() as folder:
            save_bundle(bundle, Path(folder) / "model")
            exported = None
            try:
                exported = export(
                    Path(folder) / "model", "ctranslate2", output=Path(folder) / "ct2", check=False
                ).folder
            except UsageError as error:
                print(f"CTranslate2 is left out: {error}")
            measure(bundle, name, exported, arguments)


if __name__ == "__main__":
    main()
