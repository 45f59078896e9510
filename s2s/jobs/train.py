"""`s2s train`: from a config to a trained model, or on from where it stopped."""

import contextlib
import json
import math
import platform
import shutil
import subprocess
import sys
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from s2s.config.load import dump_config
from s2s.config.schema import Config, DecodeConfig
from s2s.console import duration, say
from s2s.corpus.noise import Noise
from s2s.corpus.pairs import sources_in, targets_in
from s2s.corpus.vocabulary import Vocabularies
from s2s.decoding.bundle import Bundle, build_transformer, save_bundle
from s2s.decoding.forced import forced_log_probabilities
from s2s.decoding.translator import Translator
from s2s.errors import DivergedError, Interrupted
from s2s.jobs.card import discard_card, write_card
from s2s.jobs.evaluate import Evaluation, mean_bleu
from s2s.jobs.finish import choose, score_test
from s2s.jobs.ranks import LeadingHooks, config_digest, follow, what_an_update_takes
from s2s.jobs.resume import (
    check_parent,
    put_parent,
    refuse_ensemble,
    refuse_other_config,
    resume,
    what_is_frozen,
)
from s2s.jobs.test_sets import TestSet
from s2s.jobs.tokenize import Prepared, open_splits, prepare
from s2s.model import Transformer
from s2s.model.weights import load_weights, zero_output_maps
from s2s.run_folder import RunFolder, discard_folder, write_atomic
from s2s.runtime import autocast_type, name_of_type, seed_of_step
from s2s.scoring.metrics import chrf
from s2s.training.checkpoint import (
    LOWER_THE_RATE,
    TrainingState,
    prune_checkpoints,
    save_checkpoint,
)
from s2s.training.curve import trend, verdict
from s2s.training.log import OnRecord, TrainingLog
from s2s.training.ranks import Ranks
from s2s.training.signals import StopSignal
from s2s.training.trainer import Trainer, UpdateReport
from s2s.version import __version__

N_SAMPLES = 5  # validation sentences shown and kept at each validation


@dataclass(frozen=True)
class TrainResult:
    """What a training came to.

    Attributes:
        run: The run folder.
        n_steps: Updates done in all.
        ended: Why it ended, in words.
        chosen: Which weights became the model: `best`, `last` or `average`.
        valid_bleu: Greedy BLEU of those on the validation split.
        tests: Evaluation on the test split, if there is one; of several target languages, one each.
    """

    run: Path
    n_steps: int
    ended: str
    chosen: str
    valid_bleu: float
    tests: list[Evaluation]


def train(
    config: Config,
    *,
    device: str = "auto",
    threads: int | None = None,
    overwrite: bool = False,
    given: bytes = b"",
    ranks: Ranks | None = None,
    on_record: OnRecord | None = None,
) -> TrainResult:
    """Train a model, or go on with a training that was stopped.

    Args:
        config: What to train.
        device: `auto`, `cpu`, `cuda`, `cuda:1`, `mps`.
        threads: Processor threads; none for all.
        overwrite: Throw away what the run folder holds of an earlier training.
        given: The config file as it was written, to be kept with the run.
        ranks: The processes that train together, from `training.ranks.together`; in those other than rank 0 this
            function does not return.
        on_record: Called with each record of `metrics.jsonl`, for other loggers.

    Raises:
        ConfigError: If the run folder holds a training with another config.
        Interrupted: If a signal stopped it; a checkpoint is saved.
        S2SError: Bad data, full disk, divergence; the message says what to do.
    """
    ranks = ranks or Ranks()
    run = RunFolder(Path(config.run))
    if not ranks.leads:
        follow(config, run, ranks, device, threads)
    run.create()
    with run.lock():
        run.clean_temporaries()
        torch_device = ranks.device(device)
        if overwrite or not run.checkpoints_by_step():
            check_parent(config, run)
            open_splits(config)  # what cannot be read is said before anything is lost, be it another config
        if not overwrite:
            refuse_ensemble(run)
        if overwrite:
            clear(run)
            run.create()
        refuse_other_config(run, config)
        write_atomic(run.config, given or dump_config(config).encode())
        write_atomic(run.resolved, dump_config(config))
        n_threads = ranks.set_threads(threads)
        autocast = autocast_type(config.train.precision, torch_device, training=True)
        _note_run(run, config, torch_device, autocast, n_threads, ranks)
        prepared = prepare(config, run, thorough=False, n_processes=threads)
        facts = {"device": torch_device.type, "precision": name_of_type(autocast)}
        ranks.tell(config=config_digest(config), data=prepared.fingerprint, **facts)
        with ranks.stop_signal() as stop:  # until here nothing is lost by just stopping
            ranks.connect(torch_device)
            return Session(config, run, prepared, torch_device, autocast, stop, ranks, on_record).train()


def clear(run: RunFolder) -> None:
    """Delete what a training has written, and nothing else that may lie in the folder."""
    with contextlib.suppress(FileNotFoundError):
        discard_folder(run.checkpoints)  # files that somebody has open are left over on NFS: not under this name
    for folder in (run.model, run.store, run.vocab, run.samples, run.eval, run.path / "tensorboard"):
        shutil.rmtree(folder, ignore_errors=True)
    # the config stays: it is written anew, and may be the only copy
    for file in (run.metrics, run.resolved, run.run_json, run.data_json, run.diverged):
        file.unlink(missing_ok=True)
    discard_card(run)


def _note_run(
    run: RunFolder, config: Config, device: torch.device, autocast: torch.dtype | None, n_threads: int, ranks: Ranks
) -> None:
    """Write `run.json`: how this training was started, each start a list entry, and that it has not ended."""
    precision = name_of_type(autocast)
    try:
        starts = list(json.loads(run.run_json.read_bytes())["starts"])
    except (OSError, ValueError, KeyError, TypeError):  # the first start, or a file of somebody else's
        starts = []
    last = starts[-1] if starts and isinstance(starts[-1], dict) else {}
    before = last.get("precision", precision)
    if before != precision and run.checkpoints_by_step():
        say(f"note: this training was in {before} so far, and goes on in {precision}, which is faster here")
    starts.append(
        {
            "at": datetime.now(UTC).isoformat(timespec="seconds"),
            "command": sys.argv,
            "s2s": __version__,
            "python": platform.python_version(),
            "torch": torch.__version__,
            "platform": platform.platform(),
            "device": str(device),
            "device_name": torch.cuda.get_device_name(device) if device.type == "cuda" else platform.processor(),
            "precision": precision,
            "threads": n_threads,
            "ranks": [str(member) for member in ranks.members],
            "seed": config.train.seed,
            "git_revision": _git_revision(),
        }
    )
    write_atomic(run.run_json, json.dumps({"starts": starts}, indent=2) + "\n")


def _note_end(run: RunFolder, ended: str) -> None:
    """Write into `run.json` why the training ended; the next start takes it out."""
    noted = json.loads(run.run_json.read_bytes())
    write_atomic(run.run_json, json.dumps({**noted, "ended": ended}, indent=2) + "\n")


def _git_revision() -> str | None:
    """The revision of the working directory, `-dirty` if changed; none outside a repository."""
    try:
        command = ["git", "describe", "--always", "--dirty", "--abbrev=40", "--exclude=*"]
        return subprocess.run(command, capture_output=True, text=True, check=True, timeout=10).stdout.strip()
    except (OSError, subprocess.SubprocessError):
        return None


def new_model(config: Config, vocabularies: Vocabularies) -> Transformer:
    """A Transformer to be trained, as the config's seed has it; pre-norm layers begin by adding nothing."""
    torch.manual_seed(seed_of_step(config.train.seed, 0))
    model = build_transformer(config.model, vocabularies)
    if config.model.norm == "pre":
        zero_output_maps(model)
    return model


class Session:
    """One start of `s2s train`: the trainer with what it calls back (see `training.trainer.Hooks`)."""

    def __init__(
        self,
        config: Config,
        run: RunFolder,
        prepared: Prepared,
        device: torch.device,
        autocast: torch.dtype | None,
        stop: StopSignal,
        ranks: Ranks,
        on_record: OnRecord | None = None,
    ) -> None:
        self.config, self.run, self.prepared, self.stop, self.ranks = config, run, prepared, stop, ranks
        self.autocast = autocast
        self.model = new_model(config, prepared.vocabularies).to(device)
        put_parent(self.model, config, run)
        fresh = TrainingState(prepared.fingerprint, n_ranks=ranks.n, config=what_is_frozen(config))
        noise = Noise.of(prepared.vocabularies, config.train)
        self.trainer = Trainer(self.model, prepared.train, config.train, fresh, self.autocast, ranks, noise)
        self.trainer.state = resume(run, config, fresh, self.model, self.trainer.optimizer) or fresh
        ranks.tell(step=self.trainer.state.step)
        ranks.wait_for_all(device)  # that they have read the checkpoint: it may be replaced soon
        run.truncate_metrics(self.trainer.state.step, self.trainer.state.validated_step)
        board = config.train.tensorboard
        self.log = TrainingLog(run, self.trainer.state, tensorboard=board, on_record=on_record)
        pairs = [(pair.src, pair.tgt) for pair in prepared.valid_corpus]
        self.valid = TestSet("valid", [src for src, _ in pairs], [tgt for _, tgt in pairs])
        split = prepared.valid
        self.valid_ids = [(split.src(index).tolist(), split.tgt(index).tolist()) for index in range(len(split))]
        self._describe(device)

    def _describe(self, device: torch.device) -> None:
        say(
            f"model: {self.config.model.preset}, {self.model.n_parameters:,} parameters,"
            f" {name_of_type(self.autocast)} on {device}, {torch.get_num_threads()} threads"
        )
        if self.ranks.n > 1:
            say(what_an_update_takes(self.ranks, self.config.train))

    def train(self) -> TrainResult:
        """Train to the end, choose the weights, write the model, score the test split."""
        if not self.trainer.why_ended():
            discard_card(self.run)  # of a training that had ended, and goes on with another model
        try:
            ended = self.trainer.fit(LeadingHooks(self, self.ranks))
        except Interrupted:
            if self.trainer.state.step:
                self.save()
            raise
        except DivergedError as error:
            self._keep_report(error)
            raise
        finally:
            self.log.close()
        self.ranks.release()
        state = self.trainer.state
        say(f"training ended: {ended}; {state.step:,} updates in {duration(state.seconds)}")
        words = verdict(self._curve(), n_pairs=len(self.prepared.train), n_steps=state.step)
        if words:
            say(f"  {words}")
        choice = choose(self)
        self._export({"chosen": choice.name, "valid_bleu": choice.greedy_bleu}, choice.decode)
        self.run.diverged.unlink(missing_ok=True)  # of an earlier start, from which this one has recovered
        tests = score_test(self, choice.decode)
        write_card(self.run, words, tests)
        _note_end(self.run, ended)
        return TrainResult(self.run.path, state.step, ended, choice.name, choice.greedy_bleu, tests)

    def _keep_report(self, error: DivergedError) -> None:
        """Write down what is known about an update that diverged, the place of each of its pairs above all."""
        if error.facts:
            write_atomic(self.run.diverged, json.dumps(error.facts, indent=1, ensure_ascii=False) + "\n")
            error.hint = f"{self.run.diverged} lists all its pairs; {error.hint}"

    # --- what the training loop calls -------------------------------------------------------------------------------

    def updated(self, report: UpdateReport) -> None:
        """Log an update."""
        self.log.update(report, self.trainer.progress)

    def check_stop(self) -> None:
        """Leave if a signal came."""
        self.stop.check()

    def save(self) -> None:
        """Write a checkpoint and delete old ones."""
        with self.ranks.undisturbed():
            save_checkpoint(self.run, self.model, self.trainer.optimizer, self.trainer.state)
        prune_checkpoints(self.run, self.config.train, self.trainer.state)

    def validate(self) -> float:
        """NLL, perplexity and greedy BLEU on the validation split, with samples; a better model is exported."""
        state = self.trainer.state
        nll, score, hypotheses = self._validation()
        if not math.isfinite(nll):
            raise DivergedError(
                f"training diverged: the validation loss after update {state.step} is {nll}", hint=LOWER_THE_RATE
            )
        facts = {"ppl": math.exp(min(nll, 700.0)), "bleu": score.value, "chrf": chrf(hypotheses, self.valid.references)}
        self.log.validation({"nll": nll, **facts}, {"signature": score.signature, "n_sentences": len(hypotheses)})
        self._show_samples(hypotheses)
        words = trend(self._curve())
        self.log.progress.say(
            f"update {state.step:,}, {duration(state.seconds)}: validation nll {nll:.4f}, ppl {facts['ppl']:.2f},"
            f" BLEU {score.value:.2f} (greedy){f'; {words}' if words else ''}"
        )
        value = score.value if self.config.train.best_by == "bleu" else -nll
        if state.best_score is None or value > state.best_score:
            self._export({"chosen": "best", "valid_bleu": score.value})
        return value

    # --- validation, choice, export ---------------------------------------------------------------------------------

    def bundle(self, facts: dict[str, Any], decode: DecodeConfig | None = None) -> Bundle:
        """The model as it is, with what one has to know to use it; `decode` in place of the config's."""
        data = self.config.data
        return Bundle(
            transformer=self.model.eval(),
            vocabularies=self.prepared.vocabularies,
            model_config=self.config.model,
            decode=decode or self.config.decode,
            source=data.source,
            target=data.target,
            max_source_length=self.prepared.max_source_length,
            facts={"step": self.trainer.state.step, **facts},
            targets=tuple(targets_in(data.train)),
            sources=tuple(sources_in(data.train)),
        )

    def _curve(self) -> list[tuple[int, float]]:
        """Validation NLL so far."""
        return [(one["step"], one["nll"]) for one in self.run.read_metrics() if one["kind"] == "valid"]

    def _validation(self) -> tuple[float, Any, list[str]]:
        """NLL, greedy BLEU and the translations of the validation split, by the model as it is."""
        translator = Translator(self.bundle({}), self.config.train.precision)
        log_probabilities = forced_log_probabilities(
            self.model, self.valid_ids, autocast=translator.autocast, check_stop=self.check_stop
        )
        n_pieces = sum(len(target) + 1 for _, target in self.valid_ids)
        options = translator.options(beam=1)
        translations = translator.translate_lines(self.valid.sources, options, self.check_stop)
        hypotheses = [translation.text for translation in translations]
        score = mean_bleu(hypotheses, self.valid, translator.bundle)
        return -sum(log_probabilities) / n_pieces, score, hypotheses

    def _show_samples(self, hypotheses: list[str]) -> None:
        """Keep some validation sentences with their translations in `samples/`, and show the first."""
        n = len(hypotheses)
        chosen = range(0, n, max(1, n // N_SAMPLES))[:N_SAMPLES]
        texts = [
            f"src {self.valid.sources[index]}\nref {self.valid.references[index]}\nhyp {hypotheses[index]}\n"
            for index in chosen
        ]
        self.run.samples.mkdir(exist_ok=True)
        write_atomic(self.run.samples / f"step-{self.trainer.state.step:06d}.txt", "\n".join(texts))
        self.log.progress.say("  " + texts[0].rstrip("\n").replace("\n", "\n  "))

    def put_weights(self, weights: dict[str, Tensor]) -> tuple[float, float]:
        """Put weights into the model; their NLL and greedy BLEU on the validation split."""
        load_weights(self.model, weights)
        nll, score, _ = self._validation()
        return nll, score.value

    def _export(self, facts: dict[str, Any], decode: DecodeConfig | None = None) -> None:
        save_bundle(self.bundle(facts, decode), self.run.model)
