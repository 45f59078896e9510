"""The five model sizes, each with the training recipe that goes with it.

A preset fills what the config leaves out; whatever the config says wins. Sizes of `base` and `big` are Table 3 of
Vaswani et al. 2017 (https://arxiv.org/abs/1706.03762), and so is their recipe, except that the paper's batch is six
times as large (`configs/wmt_base.yaml` has it). `tiny`, `mini` and `small` are for 2,000 to 300,000 pairs;
`benchmarks/README.md` has the runs that chose the recipe of `tiny`, for half an hour, and `benchmarks/quality.md` those
that chose that of `mini`, for an hour or more.
"""

from typing import Any

PRESETS: dict[str, dict[str, dict[str, Any]]] = {
    "tiny": {
        "model": {
            "n_encoder_layers": 4,
            "n_decoder_layers": 4,
            "d_model": 128,
            "d_ff": 256,
            "n_heads": 4,
            "dropout": 0.25,
            "norm": "pre",
        },
        "train": {
            "max_steps": 8_000,
            "batch_tokens": 2_048,
            "optimizer": "muon",
            "subword_dropout": 0.1,
            "word_dropout": 0.0,
            "dropout_start": None,
            "weight_decay": 0.0,
            "fixnorm": True,
            "schedule": "cosine",
            "learning_rate": 5e-3,
            "warmup_steps": 400,
        },
    },
    "mini": {
        "model": {
            "n_encoder_layers": 4,
            "n_decoder_layers": 4,
            "d_model": 256,
            "d_ff": 512,
            "n_heads": 4,
            "dropout": 0.4,
            "norm": "pre",
        },
        "train": {
            "max_steps": 8_000,
            "batch_tokens": 2_048,
            "optimizer": "muon",
            "subword_dropout": 0.1,
            "word_dropout": 0.1,
            "dropout_start": 0.1,
            "weight_decay": 0.1,
            "fixnorm": True,
            "schedule": "cosine",
            "learning_rate": 3.5e-3,
            "warmup_steps": 400,
        },
    },
    "small": {
        "model": {
            "n_encoder_layers": 6,
            "n_decoder_layers": 6,
            "d_model": 256,
            "d_ff": 1024,
            "n_heads": 4,
            "dropout": 0.3,
            "norm": "pre",
        },
        "train": {
            "max_steps": 30_000,
            "batch_tokens": 4_096,
            "optimizer": "muon",
            "subword_dropout": 0.0,
            "word_dropout": 0.0,
            "dropout_start": None,
            "weight_decay": 0.0,
            "fixnorm": False,
            "schedule": "cosine",
            "learning_rate": 2e-3,
            "warmup_steps": 1_000,
        },
    },
    "base": {
        "model": {
            "n_encoder_layers": 6,
            "n_decoder_layers": 6,
            "d_model": 512,
            "d_ff": 2048,
            "n_heads": 8,
            "dropout": 0.1,
            "norm": "post",
        },
        "train": {
            "max_steps": 100_000,
            "batch_tokens": 4_096,
            "optimizer": "adam",
            "subword_dropout": 0.0,
            "word_dropout": 0.0,
            "dropout_start": None,
            "weight_decay": 0.0,
            "fixnorm": False,
            "schedule": "noam",
            "learning_rate": 7e-4,
            "warmup_steps": 4_000,
        },
    },
    "big": {
        "model": {
            "n_encoder_layers": 6,
            "n_decoder_layers": 6,
            "d_model": 1024,
            "d_ff": 4096,
            "n_heads": 16,
            "dropout": 0.3,
            "norm": "post",
        },
        "train": {
            "max_steps": 300_000,
            "batch_tokens": 4_096,
            "optimizer": "adam",
            "subword_dropout": 0.0,
            "word_dropout": 0.0,
            "dropout_start": None,
            "weight_decay": 0.0,
            "fixnorm": False,
            "schedule": "noam",
            "learning_rate": 5e-4,
            "warmup_steps": 4_000,
        },
    },
}
