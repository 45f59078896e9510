"""`s2s distill`: a small fast model that learns from a large one's translations (Kim and Rush 2016).

The student is trained on the teacher's translation of the training text, and on the text itself. A teacher says the
same thing in the same way each time, which a small model learns better than what many people have written.
"""

import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from s2s.config.load import dump_config, load_config
from s2s.config.presets import PRESETS
from s2s.config.recipes import updates_for
from s2s.config.schema import Config
from s2s.console import say
from s2s.decoding.bundle import bundle_sum
from s2s.decoding.translator import Translator
from s2s.jobs.compare import Domain, compare_models, config_of, text_of
from s2s.jobs.derived import changed, content_of, deriving, recipe_of, specs_of
from s2s.jobs.synthetic import translate_lines_to
from s2s.jobs.tokenize import open_split
from s2s.jobs.train import train
from s2s.run_folder import RunFolder, write_atomic
from s2s.runtime import set_threads
from s2s.scoring.metrics import bleu

SMALLER = {"big": "base", "base": "small", "small": "tiny", "tiny": "tiny"}
"""The student's preset, by the teacher's."""

N_ROUNDS = 3
"""Times that both translate the text, one after the other, to be compared in speed."""


@dataclass(frozen=True)
class Distilled:
    """What distilling came to.

    Attributes:
        domain: BLEU of the teacher and the student, each with its own search.
        greedy_bleu: The student's, greedy.
        teacher_seconds: For the text, greedy; the least of some.
        student_seconds: The same of the student.
    """

    domain: Domain
    greedy_bleu: float
    teacher_seconds: float
    student_seconds: float

    def text(self) -> str:
        """Some lines."""
        ratio = self.teacher_seconds / self.student_seconds
        return (
            f"{self.domain.text()}\n"
            f"student, greedy: BLEU {self.greedy_bleu:.2f}\n"
            f"greedy, {self.domain.n_sentences:,} sentences: teacher {self.teacher_seconds:.2f} s, student"
            f" {self.student_seconds:.2f} s: {ratio:.1f} times as fast"
        )


def distill(
    teacher: Path,
    folder: Path,
    *,
    beam: int | None = None,
    overrides: Sequence[str] = (),
    device: str = "auto",
    threads: int | None = None,
) -> Distilled:
    """Train a student.

    Args:
        teacher: Run folder of a trained model, whose training text is still there.
        folder: The run folder to be; the same command again goes on.
        beam: Hypotheses kept by the teacher; none for its default.
        overrides: Options to change, as `--set` has them: above all the student's `model`.
        device: `auto`, `cpu`, `cuda`, …
        threads: Processor threads; none for all.

    Raises:
        InputMissingError: The teacher has no model, or its training text is not there.
        CannotCreateError: There is another run in the folder.
    """
    set_threads(threads)
    was = config_of(teacher)
    corpus = open_split(was, was.data.train)
    n_lines = sum(1 for _ in corpus)
    draft = changed(_student(was, RunFolder(folder), n_lines), overrides)  # what is wrong with it is said first
    made_from = {"command": "distill", "teacher": bundle_sum(teacher), "text": content_of({"train": corpus})}
    with deriving(folder, {**made_from, "beam": beam, "set": list(overrides)}) as run:
        given, made = (Path(f"{run.data / 'distilled'}.{name}") for name in _names(was))
        if not run.config.exists():
            translator = Translator.load(teacher, device)
            translate_lines_to(translator, (pair.src for pair in corpus), given, made, n_lines=n_lines, beam=beam)
            write_atomic(run.config, dump_config(draft))
        config = load_config(run.config)
    train(config, device=device, threads=threads, given=run.config.read_bytes())
    return _measure(teacher, folder, device)


def _names(was: Config) -> tuple[str, str]:
    """The endings of the two files of text, which have to differ: a model of many languages may call both `mul`."""
    source, target = was.data.source, was.data.target
    return (source, target) if source != target else ("source", "target")


def _student(was: Config, run: RunFolder, n_pairs: int) -> Config:
    """The teacher's config, with a smaller model, one decoder layer, and the teacher's translations beside the text."""
    preset = SMALLER[was.model.preset]
    sizes = ("n_encoder_layers", "d_model", "d_ff", "n_heads")
    shape = {name: min(getattr(was.model, name), PRESETS[preset]["model"][name]) for name in sizes}
    if was.model.preset == "tiny":
        shape |= {"d_model": was.model.d_model // 2, "n_heads": max(1, was.model.n_heads // 2)}
    # a small model that is shown one way to say it hardly learns by heart
    more = {"preset": preset, "n_decoder_layers": 1, "dropout": min(0.1, was.model.dropout / 2)}
    recipe = recipe_of(was)
    # each source comes with two targets, each seen as often as the teacher saw one, or oftener if that was seldom: what
    # a student of few updates lacks is greedy search, and an update of it costs little
    n_updates = None if recipe.max_steps is None else max(2 * recipe.max_steps, updates_for(n_pairs))
    recipe = recipe.model_copy(
        update={"max_steps": n_updates, "consistency": 0.0, "word_dropout": 0.0, "dropout_start": None}
    )
    spec = f"{run.data / 'distilled'}.{{{','.join(_names(was))}}}"
    return was.model_copy(
        update={
            "run": str(run.path),
            "data": was.data.model_copy(update={"train": [spec, *specs_of(was)]}),
            "model": was.model.model_copy(update={**shape, **more}),
            "train": recipe,
        }
    )


def _measure(teacher: Path, student: Path, device: str) -> Distilled:
    test_set = text_of(student)
    domain = compare_models("teacher → student", test_set, teacher, student, device)
    say("measuring the speed of both, in turns …")
    models = [Translator.load(run, device) for run in (teacher, student)]
    seconds: list[list[float]] = [[], []]
    greedy: list[str] = []
    for _ in range(N_ROUNDS):
        for number, model in enumerate(models):
            began = time.perf_counter()
            greedy = model.translate(test_set.sources, beam=1)
            seconds[number].append(time.perf_counter() - began)
    score = bleu(greedy, test_set.references, models[1].bundle.target)
    return Distilled(domain, score.value, min(seconds[0]), min(seconds[1]))
