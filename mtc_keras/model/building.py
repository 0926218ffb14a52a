"""From a config to a model and its optimizer."""

import math
from collections.abc import Iterator
from dataclasses import dataclass

from mtc_keras.config import Config, TrainingConfig
from mtc_keras.config.model import TRAINING_WINDOWS
from mtc_keras.data.dataset import Dataset
from mtc_keras.devices import process
from mtc_keras.model.backbones.layers import enable_lora, freeze, layer_depths, num_layers
from mtc_keras.model.backbones.loading import load_backbone
from mtc_keras.model.balancing import METHODS, Balancing
from mtc_keras.model.classifier import MultiTaskClassifier
from mtc_keras.model.optimizers import LayerwiseAdamW, WarmupDecay

# Texts from which a random backbone learns its word pieces; counting words takes 20 µs per text.
MOST_TEXTS = 500_000


@dataclass(frozen=True)
class BuiltModel:
    """A model of a config, and what is to be told of its backbone, one line each."""

    model: MultiTaskClassifier
    notes: tuple[str, ...] = ()


def build_model(config: Config, dataset: Dataset) -> BuiltModel:
    """Returns the model of a config: pretrained backbone, new heads, frozen parts frozen."""
    policy = process.dtype_policy(config.training.precision)
    with process.random_bits(for_any_devices=True):
        loaded = load_backbone(config.model, learned_texts(config, dataset), dtype=policy)
        freeze(loaded.backbone, config.training.freeze)
        if config.model.lora_rank is not None:
            enable_lora(loaded.backbone, config.model.lora_rank)
        model = MultiTaskClassifier(
            backbone=loaded.backbone,
            tasks=dataset.tasks,
            preprocessor=loaded.preprocessor,
            pooling=config.model.pooling,
            dropout=config.model.dropout,
            prefix=config.model.prefix,
            long_texts=config.model.long_texts,
            window_overlap=config.model.window_overlap,
            training_windows=config.model.training_windows or TRAINING_WINDOWS,
            compile=False,
        )
    return BuiltModel(model, loaded.notes)


def learned_texts(config: Config, dataset: Dataset) -> Iterator[str]:
    """Yields the texts of which a random backbone learns its word pieces, its prefix among them."""
    if config.model.prefix:
        yield config.model.prefix
    columns = dataset.train.texts
    step = math.ceil(len(columns) * len(dataset.train) / MOST_TEXTS)
    for column in columns:
        yield from column[:: max(step, 1)]


def build_optimizer(
    training: TrainingConfig, model: MultiTaskClassifier, steps: int
) -> LayerwiseAdamW:
    """Returns AdamW with the schedule and the rates of a config.

    Transformer layer `d` of `n` learns at `learning_rate · layer_decay^(n - d)`, the
    embeddings being layer 0 (ULMFiT's discriminative rates, Howard & Ruder 2018, section
    3.2); heads learn at `head_learning_rate`.

    Args:
        training: the `[training]` section.
        model: the model to train.
        steps: int. Steps per epoch.
    """
    depths = layer_depths(model.backbone)
    top = num_layers(depths)
    factors = {
        variable.path: training.layer_decay ** max(top - depth, 0)
        for layer, depth in depths.items()
        for variable in layer.trainable_variables
    }
    in_backbone = {variable.path for variable in model.backbone.variables}
    if training.head_learning_rate is not None:
        ratio = training.head_learning_rate / training.learning_rate
        factors |= {v.path: ratio for v in model.trainable_variables if v.path not in in_backbone}
    total = steps * training.epochs
    return LayerwiseAdamW(
        rate_factors={path: factor for path, factor in factors.items() if factor != 1.0},
        learning_rate=WarmupDecay(
            training.learning_rate, round(training.warmup * total), total, training.schedule
        ),
        weight_decay=training.weight_decay,
        global_clipnorm=training.clip_norm or None,
        use_ema=training.ema_momentum is not None,
        ema_momentum=training.ema_momentum or 0.0,
    )


def build_balancing(config: Config, model: MultiTaskClassifier) -> Balancing:
    """Returns the layer that weighs the tasks' losses."""
    settings = config.balancing
    values = {"learning_rate": settings.learning_rate, "temperature": settings.temperature}
    given = {name: value for name, value in values.items() if value is not None}
    if settings.method == "rlw":
        given["seed"] = config.seed
    factors = [task.loss_factor for task in model.tasks]
    return METHODS[settings.method](num_tasks=len(factors), factors=factors, **given)
