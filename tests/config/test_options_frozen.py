"""A new option is a conscious act: it is added here as well, and it needs two users."""

from s2s.config.options import options
from s2s.config.presets import PRESETS

FROZEN = {
    "": "run",
    "data": "source target train valid test source_column target_column max_length max_ratio deduplicate",
    "vocab": "size type shared byte_fallback character_coverage user_symbols max_sentences",
    "model": "preset n_encoder_layers n_decoder_layers d_model d_ff n_heads dropout attention_dropout norm tied",
    "train": "max_steps max_minutes batch_tokens temperature accumulate optimizer schedule learning_rate noam_factor"
    " warmup_steps subword_dropout word_dropout dropout_start label_smoothing consistency adam_beta1 adam_beta2"
    " adam_epsilon weight_decay fixnorm clip_norm precision validate_every checkpoint_every keep_checkpoints average"
    " patience best_by start_from seed tensorboard",
    "decode": "beam length_penalty max_length_ratio batch_tokens",
}


def test_the_options_are_those_listed_here():
    listed = [f"{section}.{name}".lstrip(".") for section, names in FROZEN.items() for name in names.split()]
    assert list(options()) == listed


def test_every_option_is_described_in_words():
    for option in options().values():
        assert option.meaning.endswith("."), option.key
        assert option.kind.startswith(("a ", "text", "true or false", "one of ")), option.key


def test_presets_fill_the_same_known_options():
    shapes = [
        {f"{section}.{name}" for section, values in preset.items() for name in values} for preset in PRESETS.values()
    ]
    assert all(shape == shapes[0] for shape in shapes)
    assert shapes[0] == {option.key for option in options().values() if option.from_preset}
