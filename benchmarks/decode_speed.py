"""Decoding speed, in turns with other tools on the very same weights, and where the time goes.

    python benchmarks/decode_speed.py [MODEL] [LINES] [--shape tiny base] [--beam 1 5] [--type float32 int8]
                                      [--norm post] [--tools s2s ctranslate2 transformers] [--rounds 3] [--threads N]

MODEL is a trained run: then that model is timed, with outputs as long as they come. Or it is a corpus, a folder with
train.en and train.de (without it, the bundled one): then models of the shapes are timed, with a vocabulary of it and
random weights. Nothing ends there by itself, and each tool makes 15 steps for every sentence. LINES is a file of source
text; without it, the first 1,000 lines of the corpus.

Text is encoded before and decoded after the clock runs. Each tool has its own process, which waits while it is
another's turn, and the batch size and the threading that are best for it (tried first); each round gives a ratio. Tools
that are not installed are left out; transformers knows no 8 bits here.
"""

import argparse
import itertools
import json
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

import torch
from train_speed import BUNDLED, prepared_corpus

from s2s.decoding.bundle import Bundle, build_transformer, load_bundle, save_bundle
from s2s.decoding.search import SearchOptions
from s2s.decoding.translator import Translator
from s2s.errors import UsageError
from s2s.jobs.export import export
from s2s.runtime import set_threads
from s2s.symbols import EOS

STEPS = 15  # of every translation of a random model
N_LINES = 1000
N_ALONE = 60  # sentences that are translated one by one
N_SLOW = 200  # lines that transformers gets
BATCHES = [1024, 2048, 4096, 8192, 16_384]  # tokens: sentences × longest source
FORMATS = {"ctranslate2": "ctranslate2", "transformers": "hf-marian"}  # by tool

Run = Callable[[], object]


@dataclass(frozen=True)
class FixedLength(SearchOptions):
    """As many pieces for every sentence; the last step is for the end symbol."""

    def max_length(self, n_source_pieces: int) -> int:
        """The same for all."""
        return STEPS - 1


@dataclass(frozen=True)
class Job:
    """What a process is to do.

    Attributes:
        tool: `s2s`, `ctranslate2` or `transformers`.
        model: Folder of a model that s2s reads.
        exported: Folder of the same model for the tool.
        lines: File of source text.
        beam: Hypotheses.
        int8: Whether in 8 bits.
        fixed: Whether every translation takes the same steps.
        n_threads: Processor threads.
    """

    tool: str
    model: str
    exported: str
    lines: str
    beam: int
    int8: bool
    fixed: bool
    n_threads: int


def seconds_of(run: Run) -> float:
    """Time of one go."""
    began = time.perf_counter()
    run()
    return time.perf_counter() - began


def ours(job: Job, bundle: Bundle, parts: list[list[int]]) -> tuple[list[Run], list[Run]]:
    """s2s: a run over all lines for each batch size, and one for each line alone."""
    options = FixedLength(beam=job.beam) if job.fixed else SearchOptions(beam=job.beam)
    runs: list[Run] = []
    for tokens in BATCHES:
        decode = bundle.decode.model_copy(update={"batch_tokens": tokens * options.beam})
        translator = Translator(replace(bundle, decode=decode), int8=job.int8)
        runs.append(lambda translator=translator: translator._search(parts, options, lambda: None, None))
    return (
        runs,
        [
            lambda ids=ids: translator._search([ids], options, lambda: None, None)  # type: ignore[misc]
            for ids in parts[:N_ALONE]
        ],
    )


def theirs(job: Job, pieces: list[list[str]]) -> tuple[list[Run], list[Run]]:
    """CTranslate2, its threads in one translation or in several; alone with as many threads as are better."""
    import ctranslate2

    kind = "int8" if job.int8 else "float32"
    limits = {"beam_size": job.beam, "max_decoding_length": STEPS if job.fixed else 200, "batch_type": "tokens"}
    runs: list[Run] = []
    alone: list[list[Run]] = []
    for intra, inter in {(1, job.n_threads), (job.n_threads, 1)}:
        tool = ctranslate2.Translator(job.exported, compute_type=kind, intra_threads=intra, inter_threads=inter)
        runs += [partial(tool.translate_batch, pieces, max_batch_size=tokens, **limits) for tokens in BATCHES]
        alone.append([partial(tool.translate_batch, [one], **limits) for one in pieces[:N_ALONE]])
    return runs, min(alone, key=lambda some: sum(sorted(seconds_of(run) for run in some)[: N_ALONE // 2]))


def transformers(job: Job, parts: list[list[int]], end: int) -> tuple[list[Run], list[Run]]:
    """The same with `generate` of transformers."""
    from transformers import MarianMTModel

    model = MarianMTModel.from_pretrained(job.exported).eval()
    pad = model.config.pad_token_id
    limits = {"min_new_tokens": STEPS, "max_new_tokens": STEPS} if job.fixed else {"max_new_tokens": 200}
    rows = sorted(([*ids, end] for ids in parts), key=len, reverse=True)

    def translate(some: list[list[int]]) -> None:
        width = max(len(row) for row in some)
        ids = torch.tensor([[*row, *[pad] * (width - len(row))] for row in some])
        with torch.inference_mode():
            model.generate(ids, attention_mask=(ids != pad).long(), num_beams=job.beam, do_sample=False, **limits)

    def in_batches(n_sentences: int) -> Run:
        return lambda: [translate(rows[i : i + n_sentences]) for i in range(0, len(rows), n_sentences)]

    return [in_batches(n) for n in (16, 64, 200)], [partial(translate, [row]) for row in rows[:: len(rows) // 15]]


def shares(bundle: Bundle, parts: list[list[int]], beam: int, int8: bool) -> str:
    """What part of the time goes where, with one thread."""
    translator, seconds = Translator(bundle, int8=int8), dict[str, float]()

    def timed(name: str, function: Callable[..., object]) -> Callable[..., object]:
        def run(*arguments: object) -> object:
            began = time.perf_counter()
            result = function(*arguments)
            seconds[name] = seconds.get(name, 0.0) + time.perf_counter() - began
            return result

        return run

    engine = translator._engine
    for part, name in (("start", "encoder"), ("step", "decoder"), ("logits", "projection"), ("select", "reordering")):
        setattr(engine, part, timed(name, getattr(engine, part)))
    torch.set_num_threads(1)
    for _ in range(2):  # the first time warms up
        seconds.clear()
        whole = seconds_of(lambda: translator._search(parts, FixedLength(beam=beam), lambda: None, None))
    seconds["search"] = whole - sum(seconds.values())
    return ", ".join(f"{name} {100 * part / whole:.0f} %" for name, part in seconds.items())


def be_a_tool(job: Job) -> None:
    """Find the best setting, then take a turn for each line of standard input; print times as JSON."""
    set_threads(job.n_threads)
    bundle = load_bundle(Path(job.model))
    lines = [line for line in Path(job.lines).read_text("utf-8").split("\n") if line]
    if job.tool == "transformers":
        lines = lines[:N_SLOW]
    parts = bundle.vocabularies.src.encode_all(lines)
    if job.tool == "s2s":
        runs, alone = ours(job, bundle, parts)
    elif job.tool == "ctranslate2":
        runs, alone = theirs(job, [bundle.vocabularies.src.pieces(line) for line in lines])
    else:
        runs, alone = transformers(job, parts, EOS)
    runs[0]()
    best = min(runs, key=seconds_of)
    alone[0]()
    print(json.dumps({"setting": runs.index(best)}), flush=True)
    for _ in sys.stdin:
        n_second = len(lines) / seconds_of(best)
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024  # in KiB on Linux
        print(
            json.dumps({"rate": n_second, "alone": [1e3 * seconds_of(run) for run in alone], "MiB": peak}), flush=True
        )


class Tool:
    """A tool in a process of its own."""

    def __init__(self, job: Job) -> None:
        self.name, self.rates, self.alone, self.peak = job.tool, list[float](), list[float](), 0.0
        command = [sys.executable, __file__, "--be-a-tool", json.dumps(vars(job))]
        self._process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        self._answer()

    def _answer(self) -> dict[str, object]:
        assert self._process.stdout
        return dict(json.loads(self._process.stdout.readline()))

    def turn(self) -> None:
        """All lines, then some one by one."""
        assert self._process.stdin
        self._process.stdin.write("go\n")
        self._process.stdin.flush()
        found = self._answer()
        self.rates.append(found["rate"])  # type: ignore[arg-type]
        self.alone += found["alone"]  # type: ignore[operator]
        self.peak = found["MiB"]  # type: ignore[assignment]

    def end(self) -> None:
        """Let the process leave."""
        assert self._process.stdin
        self._process.stdin.close()
        self._process.wait()

    def row(self, first: "Tool") -> str:
        """A line of the table; the ratio says how many times as fast `first` is."""
        ratios = [own / other for own, other in zip(first.rates, self.rates, strict=True)]
        late = statistics.quantiles(self.alone, n=20)[-1]
        return (
            f"  {self.name:13}{statistics.median(self.rates):9.1f}"
            f"{statistics.median(ratios):8.2f} ({min(ratios):.2f} to {max(ratios):.2f})"
            f"{statistics.median(self.alone):9.1f}{late:9.1f}{self.peak:9,.0f}"
        )


def random_bundle(corpus: Path, shape: str, norm: str | None, folder: Path) -> Bundle:
    """A model of a shape with random weights and a vocabulary of the corpus."""
    config, prepared = prepared_corpus(corpus, shape, 4096, folder / "run")
    model = config.model.model_copy(update={"norm": norm or config.model.norm})
    torch.manual_seed(1)
    return Bundle(
        build_transformer(model, prepared.vocabularies).eval(),
        prepared.vocabularies,
        model,
        config.decode,
        config.data.source,
        config.data.target,
        int(prepared.train.src_lengths.max()),
        {},
    )


def measure(bundle: Bundle, name: str, folder: Path, arguments: argparse.Namespace) -> None:
    """All that is asked for, of one model."""
    save_bundle(bundle, folder / "model")
    exported = {"s2s": ""}
    for tool in arguments.tools[1:]:
        try:
            done = export(folder / "model", FORMATS[tool], output=folder / tool, check=False)
            exported[tool] = str(done.path)
        except UsageError as error:
            print(f"{tool} is left out: {error}")
    for kind, beam in itertools.product(arguments.type, arguments.beam):
        jobs = [
            Job(
                tool,
                str(folder / "model"),
                exported[tool],
                str(arguments.lines),
                beam,
                kind == "int8",
                arguments.fixed,
                arguments.threads,
            )
            for tool in arguments.tools
            if tool in exported and not (kind == "int8" and tool == "transformers")
        ]
        tools = [Tool(job) for job in jobs]
        for _ in range(arguments.rounds):
            for tool in tools:
                tool.turn()
        for tool in tools:
            tool.end()
        print(f"{name} {kind} beam {beam}: sentences/s, {tools[0].name}'s ratio, ms alone, their 95 %, peak MiB")
        for tool in tools:
            print(tool.row(tools[0]), flush=True)
        lines = arguments.lines.read_text("utf-8").split("\n")[:N_SLOW]
        parts = bundle.vocabularies.src.encode_all([line for line in lines if line])
        print(f"  s2s, one thread: {shares(bundle, parts, beam, kind == 'int8')}", flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("model", type=Path, nargs="?", default=BUNDLED)
    parser.add_argument("lines", type=Path, nargs="?")
    parser.add_argument("--shape", nargs="+", default=["tiny", "base"])
    parser.add_argument("--norm", choices=("pre", "post"), help="transformers' Marian knows post only")
    parser.add_argument("--beam", nargs="+", type=int, default=[1, 5])
    parser.add_argument("--type", nargs="+", choices=("float32", "int8"), default=["float32", "int8"])
    parser.add_argument("--tools", nargs="+", choices=("s2s", *FORMATS), default=["s2s", "ctranslate2"])
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--threads", type=int)
    parser.add_argument("--be-a-tool", help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.be_a_tool:
        be_a_tool(Job(**json.loads(arguments.be_a_tool)))
        return
    arguments.threads = set_threads(arguments.threads)
    arguments.fixed = (arguments.model / "train.en").exists()
    with tempfile.TemporaryDirectory() as folder:
        if arguments.lines is None:
            if not arguments.fixed:
                parser.error("LINES is needed with a run")
            with (arguments.model / "train.en").open(encoding="utf-8") as text:
                arguments.lines = Path(folder) / "lines"
                arguments.lines.write_text("".join(itertools.islice(text, N_LINES)), "utf-8")
        if not arguments.fixed:
            measure(load_bundle(arguments.model), arguments.model.name, Path(folder), arguments)
            return
        for shape in arguments.shape:
            here = Path(folder) / shape
            measure(random_bundle(arguments.model, shape, arguments.norm, here), shape, here, arguments)


if __name__ == "__main__":
    main()
