"""The option that was probably meant when a key is not known."""

from collections.abc import Iterable
from difflib import SequenceMatcher

# What other tools call it. A name in the table is exact; everything else goes by similarity.
_SYNONYMS = {
    "run": "model_dir out out_dir output output_dir save_dir run_dir",
    "data": "dataset datasets corpus",
    "vocab": "vocabulary tokenizer sentencepiece spm",
    "model": "architecture network transformer",
    "train": "trainer optim",
    "decode": "search inference generation testing",
    "data.source": "src source_lang src_lang source_language",
    "data.target": "tgt trg target_lang tgt_lang trg_lang target_language",
    "data.train": "train_file train_data training_data",
    "data.valid": "dev val validation valid_data dev_data",
    "data.test": "test_file test_data",
    "data.max_length": "max_len max_sent_length max_seq_len max_source_length",
    "vocab.size": "vocab_size src_vocab_size voc_limit",
    "vocab.type": "model_type",
    "vocab.shared": "joined joined_dictionary share_vocab joint",
    "model.n_encoder_layers": "layers n_layers num_layers encoder_layers num_encoder_layers enc_layers",
    "model.n_decoder_layers": "decoder_layers num_decoder_layers dec_layers",
    "model.d_model": "dim hidden_size hidden_dim embed_dim embedding_dim model_dim",
    "model.d_ff": "ffn_dim ff_size ffn_size feed_forward_size dim_feedforward",
    "model.n_heads": "heads num_heads attention_heads n_head nhead",
    "model.tied": "tie_embeddings tied_embeddings tie_weights share_embeddings share_all_embeddings",
    "train.max_steps": "steps epochs max_epochs max_updates updates train_steps num_steps n_steps total_steps",
    "train.max_minutes": "minutes max_time time max_hours hours",
    "train.batch_tokens": "batch_size max_tokens tokens_per_batch",
    "train.accumulate": "accum_count update_freq batch_multiplier gradient_accumulation gradient_accumulation_steps",
    "train.schedule": "scheduler scheduling lr_scheduler lr_schedule decay_method",
    "train.learning_rate": "lr rate peak_lr",
    "train.warmup_steps": "warmup warmup_updates n_warmup_steps lr_warmup",
    "train.adam_beta1": "betas adam_betas",
    "train.adam_epsilon": "eps adam_eps",
    "train.word_dropout": "token_dropout input_dropout dropout_words dropout_src dropout_trg",
    "train.weight_decay": "wd l2 adam_weight_decay",
    "train.fixnorm": "fix_norm normalize_embeddings unit_embeddings",
    "train.clip_norm": "clip clip_grad_norm max_grad_norm grad_clip gradient_clip",
    "train.precision": "dtype fp16 bf16 amp mixed_precision",
    "train.validate_every": "eval_every valid_steps validation_freq validate_interval eval_steps",
    "train.checkpoint_every": "save_every save_steps save_interval save_checkpoint_steps checkpoint_freq",
    "train.patience": "early_stopping early_stopping_patience",
    "train.best_by": "metric eval_metric early_stopping_metric",
    "train.seed": "random_seed",
    "decode.beam": "beam_size num_beams n_beams beams beam_width",
    "decode.length_penalty": "lenpen alpha beam_alpha length_alpha len_pen",
}
_BY_SYNONYM = {word: key for key, words in _SYNONYMS.items() for word in words.split()}
_SAME_SECTION = 0.15
_ENOUGH = 0.62


def suggest(unknown: str, known: Iterable[str], *, section: bool = False) -> str | None:
    """Return the known dotted key that `unknown` most resembles, or None if none does.

    The name after the dot counts most, wherever it stands: `max_steps` at the top suggests `train.max_steps`.

    Args:
        unknown: The dotted key that was given.
        known: All dotted keys, sections included.
        section: Whether a section was meant, because the key holds a mapping.

    >>> suggest("train.learning_rat", ["train.max_steps", "train.learning_rate", "train"])
    'train.learning_rate'
    """
    parent, _, name = unknown.lower().replace("-", "_").replace(" ", "_").rpartition(".")
    candidates = [key for key in known if not section or "." not in key]
    if len(unknown) > 60:
        return None
    if "." in parent and parent in candidates:  # train.seed.x
        return parent
    synonym = _BY_SYNONYM.get(name, "")
    here = f"{parent}.{synonym.rpartition('.')[2]}"  # decode.batch_size means decode.batch_tokens, not train's
    for key in (here, synonym):
        if key in candidates:
            return key
    scored = [(_similarity(parent, name, key), key) for key in candidates]
    best = max(scored, key=lambda pair: pair[0], default=(0.0, None))
    return best[1] if best[0] >= _ENOUGH else None


def _similarity(parent: str, name: str, key: str) -> float:
    key_parent, _, key_name = key.rpartition(".")
    similarity = SequenceMatcher(None, name, key_name).ratio()
    if similarity >= _ENOUGH - _SAME_SECTION and parent == key_parent:
        similarity += _SAME_SECTION
    if parent == "":  # vocab_size at the top: the section's name became part of the key's
        similarity = max(similarity, SequenceMatcher(None, name.replace("_", "."), key.replace("_", ".")).ratio())
    return similarity
