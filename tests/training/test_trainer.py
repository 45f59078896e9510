"""Gradients that do not depend on how they are computed, stopping, divergence."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from small_corpus import small_config

from s2s.config.schema import Config
from s2s.corpus.batches import plan_epoch
from s2s.decoding.bundle import build_transformer
from s2s.errors import DivergedError
from s2s.jobs.tokenize import Prepared, tokenize
from s2s.model import Transformer, label_smoothed_loss
from s2s.model.dropout import Dropout
from s2s.training import trainer as trainer_module
from s2s.training.checkpoint import TrainingState
from s2s.training.gradient import GradientWorkers, Sums
from s2s.training.trainer import Trainer, _Begun


class NoHooks:
    """Hooks that note what was called; `scores` are the validation scores to give."""

    def __init__(self, trainer: Trainer, scores: list[float] | None = None) -> None:
        self.trainer, self.scores, self.calls = trainer, scores or [], list[tuple[str, int]]()

    def updated(self, report: object) -> None:
        self.calls.append(("update", self.trainer.state.step))

    def validate(self) -> float:
        self.calls.append(("validate", self.trainer.state.step))
        return self.scores.pop(0) if self.scores else 0.0

    def save(self) -> None:
        self.calls.append(("save", self.trainer.state.step))

    def check_stop(self) -> None:
        pass

    def at(self, what: str) -> list[int]:
        return [step for name, step in self.calls if name == what]


def prepared_and_model(config: Config, dropout: float = 0.0) -> tuple[Prepared, Transformer]:
    prepared = tokenize(config)
    torch.manual_seed(0)
    shape = config.model.model_copy(update={"dropout": dropout})
    return prepared, build_transformer(shape, prepared.vocabularies)


def gradients(model: Transformer) -> list[torch.Tensor]:
    return [parameter.grad.clone() for parameter in model.parameters() if parameter.grad is not None]


def all_pairs(prepared: Prepared) -> np.ndarray:  # type: ignore[type-arg]
    return np.arange(len(prepared.train))


def test_gradient_is_that_of_the_mean_over_all_target_pieces(tiny_config: Config) -> None:
    prepared, model = prepared_and_model(tiny_config)
    split = prepared.train
    sums = GradientWorkers(model, split, tiny_config.train, None).compute([all_pairs(prepared)], 1)
    found = gradients(model)
    model.zero_grad()
    total, n_pieces = torch.zeros(()), 0
    for index in range(len(split)):  # one by one, with the plain loss
        src = torch.tensor([[*split.src(index).tolist(), 3]])
        tgt = split.tgt(index).tolist()
        logits = model(src, torch.tensor([[2, *tgt]]))[0]
        total = total + label_smoothed_loss(logits, torch.tensor([*tgt, 3]), 0.1)[0]
        n_pieces += len(tgt) + 1
    (total / n_pieces).backward()
    assert sums.n_target_tokens == n_pieces
    assert sums.loss_and_nll[0].item() == pytest.approx(total.item(), rel=1e-5)
    torch.testing.assert_close(found, gradients(model), atol=1e-6, rtol=1e-4)


@pytest.mark.parametrize("n_batches", [2, 3, 7])
def test_accumulating_k_batches_equals_one_large_batch(tiny_config: Config, n_batches: int) -> None:
    prepared, model = prepared_and_model(tiny_config)
    workers = GradientWorkers(model, prepared.train, tiny_config.train, None)
    whole = workers.compute([all_pairs(prepared)], 1)
    expected = gradients(model)
    parts = workers.compute(np.array_split(all_pairs(prepared), n_batches), 1)
    torch.testing.assert_close(gradients(model), expected, atol=1e-6, rtol=1e-4)
    assert parts.loss_and_nll.tolist() == pytest.approx(whole.loss_and_nll.tolist(), rel=1e-5)
    assert parts.n_target_tokens == whole.n_target_tokens


def test_two_workers_give_the_gradient_of_one(tmp_path: Path) -> None:
    config = small_config(tmp_path, batch_tokens=2048)
    prepared, model = prepared_and_model(config)
    GradientWorkers(model, prepared.train, config.train, None).compute([all_pairs(prepared)], 1)
    expected = gradients(model)
    torch.set_num_threads(2)
    try:
        workers = GradientWorkers(model, prepared.train, config.train, None)
        assert workers.n_workers == 2
        workers.compute([all_pairs(prepared)], 1)
        torch.testing.assert_close(gradients(model), expected, atol=1e-6, rtol=1e-4)
        # a batch of one pair leaves the second worker nothing to do
        workers.compute([all_pairs(prepared)[:1]], 2)
    finally:
        torch.set_num_threads(1)


def test_two_passes_that_are_the_same_give_the_gradient_of_one(tmp_path: Path) -> None:
    config = small_config(tmp_path)
    twice = small_config(tmp_path, consistency=5.0)
    prepared, model = prepared_and_model(config)  # without dropout
    once = GradientWorkers(model, prepared.train, config.train, None).compute([all_pairs(prepared)], 1)
    expected = gradients(model)
    sums = GradientWorkers(model, prepared.train, twice.train, None).compute([all_pairs(prepared)], 1)
    torch.testing.assert_close(gradients(model), expected, atol=1e-6, rtol=1e-4)
    assert sums.loss_and_nll.tolist() == pytest.approx(once.loss_and_nll.tolist(), rel=1e-5)
    assert sums.n_target_tokens == once.n_target_tokens


def test_two_passes_that_differ_cost_more(tmp_path: Path) -> None:
    prepared, model = prepared_and_model(small_config(tmp_path), dropout=0.3)
    losses = []
    for weight in (1e-9, 1.0, 3.0):
        config = small_config(tmp_path, consistency=weight).train
        sums = GradientWorkers(model, prepared.train, config, None).compute([all_pairs(prepared)], 1)
        losses.append(sums.loss_and_nll[0].item())
    assert losses[0] < losses[1] < losses[2]
    assert losses[2] - losses[0] == pytest.approx(3 * (losses[1] - losses[0]), rel=1e-4)


def test_dropout_is_a_function_of_seed_and_update(tiny_config: Config) -> None:
    prepared, model = prepared_and_model(tiny_config, dropout=0.5)
    workers = GradientWorkers(model, prepared.train, tiny_config.train, None)
    losses = [workers.compute([all_pairs(prepared)], step).loss_and_nll[0].item() for step in (1, 2, 1)]
    assert losses[0] == losses[2] != losses[1]


def test_dropout_grows_while_training_in_all_workers(tmp_path: Path) -> None:
    config = small_config(tmp_path, max_steps=4, batch_tokens=2048, dropout_start=0.1)
    prepared, model = prepared_and_model(config, dropout=0.5)
    n_threads = torch.get_num_threads()
    torch.set_num_threads(2)
    try:
        trainer = Trainer(model, prepared.train, config.train, TrainingState(prepared.fingerprint))
    finally:
        torch.set_num_threads(n_threads)
    assert trainer.gradient.n_workers == 2
    seen: list[list[float]] = []
    inner = trainer.gradient.compute

    def compute(*given: Any) -> Sums:
        workers = trainer.gradient._models
        modules = [module for worker in workers for module in worker.modules() if isinstance(module, Dropout)]
        seen.append(sorted({module.p for module in modules}))
        return inner(*given)

    trainer.gradient.compute = compute  # type: ignore[method-assign]
    for _ in range(4):
        trainer.update([all_pairs(prepared)])
    assert seen == [[pytest.approx(p)] for p in (0.1, 0.2, 0.3, 0.4)]


def trainer_for(config: Config) -> Trainer:
    prepared, model = prepared_and_model(config)
    return Trainer(model, prepared.train, config.train, TrainingState(prepared.fingerprint))


def test_validations_and_checkpoints_come_when_they_are_due_and_at_the_end(tiny_config: Config) -> None:
    trainer = trainer_for(tiny_config)
    hooks = NoHooks(trainer)
    assert trainer.fit(hooks) == "12 updates are done"
    assert hooks.at("update") == list(range(1, 13))
    assert hooks.at("validate") == [5, 10, 12]
    assert hooks.at("save") == [4, 5, 8, 12]  # at 5 is the best: nothing was better than nothing


def test_patience_ends_training_and_the_best_is_known(tmp_path: Path) -> None:
    config = small_config(tmp_path, max_steps=100, validate_every=1, patience=2)
    trainer = trainer_for(config)
    hooks = NoHooks(trainer, [1.0, 3.0, 2.0, 3.0, 9.0])
    assert "no better validation score in 2" in trainer.fit(hooks)
    assert (trainer.state.step, trainer.state.best_step, trainer.state.best_score) == (4, 2, 3.0)


def test_minutes_end_training_and_drive_the_schedule(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    config = small_config(tmp_path, max_steps=None, max_minutes=1.0, schedule="cosine")
    trainer = trainer_for(config)
    clock = iter(range(0, 10_000, 10))  # each look at the clock takes ten seconds
    monkeypatch.setattr("s2s.training.trainer.time.monotonic", lambda: float(next(clock)))
    hooks = NoHooks(trainer)
    rates: list[float] = []
    hooks.updated = lambda report: rates.append(report.learning_rate)  # type: ignore[method-assign, attr-defined]
    assert trainer.fit(hooks) == "1 minutes are over"
    assert 2 <= len(rates) <= 6
    assert rates[-1] < rates[1]


def test_the_time_of_a_validation_counts(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    config = small_config(tmp_path, max_steps=None, max_minutes=1.0, validate_every=2)
    trainer = trainer_for(config)
    now = [0.0]
    monkeypatch.setattr("s2s.training.trainer.time.monotonic", lambda: now[0])
    hooks = NoHooks(trainer)

    def validate() -> float:
        now[0] += 70.0
        return NoHooks.validate(hooks)

    hooks.validate = validate  # type: ignore[method-assign]
    assert trainer.fit(hooks) == "1 minutes are over"
    assert hooks.calls == [("update", 1), ("update", 2), ("validate", 2), ("save", 2)]


def test_a_loss_that_is_not_finite_stops_before_the_update_and_names_the_pairs(tiny_config: Config) -> None:
    trainer = trainer_for(tiny_config)
    with torch.no_grad():
        trainer.model.tgt_embedding.weight[5] = float("nan")
    before = [parameter.clone() for parameter in trainer.model.parameters()]
    with pytest.raises(DivergedError, match=r"update 1: loss nan.*train\.") as caught:
        trainer.fit(NoHooks(trainer))
    assert caught.value.exit_code == 70
    assert trainer.state.step == 0
    for old, new in zip(before, trainer.model.parameters(), strict=True):
        torch.testing.assert_close(old, new.detach(), equal_nan=True, rtol=0, atol=0)


@pytest.mark.parametrize("n_ahead", [0, 1, 3])
def test_figures_looked_at_late_are_the_same_and_complete_at_every_save(tiny_config: Config, n_ahead: int) -> None:
    """As on CUDA, where the next update is begun before the figures of the last are looked at."""
    trainer, reference = trainer_for(tiny_config), trainer_for(tiny_config)
    reference.fit(NoHooks(reference))

    class Late(NoHooks):
        def save(self) -> None:
            super().save()
            assert trainer.state.window_tokens == trainer.state.n_target_tokens
            assert len(self.reports) == trainer.state.step

        def updated(self, report: object) -> None:
            self.reports.append(report)

        def __init__(self) -> None:
            super().__init__(trainer)
            self.reports: list[object] = []

    trainer._n_ahead = n_ahead
    hooks = Late()
    trainer.fit(hooks)
    assert [report.step for report in hooks.reports] == list(range(1, 13))  # type: ignore[attr-defined]
    assert trainer.state.window_loss == pytest.approx(reference.state.window_loss)
    assert hooks.at("save") == [4, 5, 8, 12]


def test_a_loss_that_is_not_finite_is_found_late_but_before_a_checkpoint(tiny_config: Config) -> None:
    trainer = trainer_for(tiny_config)
    trainer._n_ahead = 1
    hooks = NoHooks(trainer)
    updated = hooks.updated

    def poison(report: object) -> None:
        updated(report)
        with torch.no_grad():
            trainer.model.tgt_embedding.weight.fill_(float("nan"))

    hooks.updated = poison  # type: ignore[method-assign]
    with pytest.raises(DivergedError, match="update 3: loss nan"):
        trainer.fit(hooks)
    assert hooks.at("save") == []


def test_every_pair_is_trained_on_once_an_epoch(tiny_config: Config) -> None:
    trainer = trainer_for(tiny_config)
    split = trainer.split
    n_batches = len(plan_epoch(split.src_lengths, split.tgt_lengths, batch_tokens=64, seed=1, epoch=0))
    batches = trainer._batches()
    seen = np.concatenate([next(batches) for _ in range(n_batches)])
    assert sorted(seen.tolist()) == list(range(len(split)))
    next(batches)
    assert (trainer.state.epoch, trainer.state.batch) == (1, 1)


def test_it_learns_a_handful_of_pairs_by_heart(tmp_path: Path) -> None:
    config = small_config(tmp_path, max_steps=150, batch_tokens=512, validate_every=1000, label_smoothing=0.0)
    trainer = trainer_for(config)
    trainer.fit(NoHooks(trainer))
    workers = GradientWorkers(trainer.model, trainer.split, config.train, None)
    sums = workers.compute([np.arange(len(trainer.split))], 1)
    assert sums.loss_and_nll[1].item() / sums.n_target_tokens < 0.05


def test_the_gradient_in_bfloat16_points_where_that_in_float32_does(tiny_config: Config) -> None:
    prepared, model = prepared_and_model(tiny_config)
    directions = []
    for autocast in (None, torch.bfloat16):
        GradientWorkers(model, prepared.train, tiny_config.train, autocast).compute([all_pairs(prepared)], 1)
        directions.append(torch.cat([gradient.flatten() for gradient in gradients(model)]))
    assert {gradient.dtype for gradient in directions} == {torch.float32}
    assert torch.cosine_similarity(*directions, dim=0) > 0.999
    assert directions[1].norm() == pytest.approx(directions[0].norm().item(), rel=0.01)


@pytest.mark.parametrize("autocast", [None, torch.bfloat16])
def test_on_a_cpu_layers_compute_nothing_for_padding(tiny_config: Config, autocast: torch.dtype | None) -> None:
    prepared, model = prepared_and_model(tiny_config)
    widths: list[int] = []
    model.decoder[0].feed_forward.register_forward_hook(lambda _m, _i, out: widths.append(out.size(0)))
    sums = GradientWorkers(model, prepared.train, tiny_config.train, autocast).compute([all_pairs(prepared)], 1)
    assert len(set(prepared.train.tgt_lengths.tolist())) > 1
    assert sum(widths) == sums.n_target_tokens


def test_training_in_bfloat16_learns_and_keeps_weights_in_float32(tmp_path: Path) -> None:
    config = small_config(tmp_path, max_steps=40, batch_tokens=512, validate_every=1000)
    prepared, model = prepared_and_model(config)
    state = TrainingState(prepared.fingerprint)
    trainer = Trainer(model, prepared.train, config.train, state, torch.bfloat16)
    losses: list[float] = []
    hooks = NoHooks(trainer)
    hooks.updated = lambda report: losses.append(report.loss)  # type: ignore[method-assign, attr-defined]
    trainer.fit(hooks)
    assert {parameter.dtype for parameter in model.parameters()} == {torch.float32}
    assert losses[-1] < 0.7 * losses[0]


def test_the_seconds_of_updates_on_a_device_add_up_to_those_of_the_clock(monkeypatch: pytest.MonkeyPatch) -> None:
    """An update that is begun while another is computed is not charged with the time of both."""
    clock = 0.0
    monkeypatch.setattr(trainer_module.time, "perf_counter", lambda: clock)
    values = torch.ones(3)
    total, before = 0.0, 0.0
    begun = [_Begun(step, [], 0.1, 4, values, None, began, 0, 4 * step) for step, began in enumerate((0.0, 0.1, 1.1))]
    for one, arrives in zip(begun, (1.0, 2.0, 3.0), strict=True):
        clock = arrives
        total += one.report(before).seconds
        before = arrives
    assert total == pytest.approx(3.0)
