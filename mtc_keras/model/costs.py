"""What training and prediction cost by estimate, as far as a model's sizes tell."""

from typing import TYPE_CHECKING

import numpy as np

from mtc_keras.data.lengths import StepCosts
from mtc_keras.model.backbones.layers import layer_depths, num_layers

if TYPE_CHECKING:
    import keras_hub

# Floating-point operations per second, and seconds to trace and compile a step of a padded
# length: at least, and per transformer layer.
ON_CPU = (120e9, 1.2, 0.1)
ON_ACCELERATOR = (60e12, 4.0, 0.5)


def step_costs(backbone: "keras_hub.models.Backbone", accelerated: bool) -> StepCosts:
    """Returns the estimated costs of training, a function of a backbone's sizes alone.

    Two cores of an AMD EPYC with AVX-512 did 150 to 165 GFLOP/s in the steps of MiniLM (6 layers)
    and bert-base (12), at 16 and 32 tokens, without the optimizer, and cores without AVX-512 half
    of it. To compile a step took them 3.3 and 4.4 s of one core, besides 0.5 s of tracing, while
    the other one trains; to read a compiled one from the cache about 1 s. The numbers above lie
    between, so that neither a first run nor a second one waits for much that it does not need. Of
    an accelerator they are guesses: it trains so fast that only large data pay for another length.

    Args:
        backbone: the backbone, frozen as it is trained.
        accelerated: bool. Whether a GPU or TPU trains it.
    """
    kernels = trained = 0
    for weight in backbone.weights:
        if weight.path.endswith("/kernel"):
            kernels += int(np.prod(weight.shape))
            trained += int(np.prod(weight.shape)) if weight.trainable else 0
    layers = num_layers(layer_depths(backbone))
    speed, least, per_layer = ON_ACCELERATOR if accelerated else ON_CPU
    # Of the backward pass, frozen kernels have no gradient of their own.
    return StepCosts((4 * kernels + 2 * trained) / speed, least + per_layer * layers)
