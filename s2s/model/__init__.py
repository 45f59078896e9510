"""The Transformer, its loss, and nothing else: this package needs torch alone."""

from s2s.model.config import TransformerConfig
from s2s.model.ensemble import Ensemble
from s2s.model.loss import label_smoothed_loss, projection_loss
from s2s.model.transformer import Transformer

__all__ = ["Ensemble", "Transformer", "TransformerConfig", "label_smoothed_loss", "projection_loss"]
