"""Which devices train a model, and how its batches and weights are divided among them."""

from typing import Any

import keras

from mtc_keras.config import DistributionConfig
from mtc_keras.devices import hardware, processes
from mtc_keras.devices.joining import joins_others
from mtc_keras.devices.shares import Share
from mtc_keras.errors import ConfigError

BATCH, MODEL = "batch", "model"  # axes of the device mesh
# How Megatron splits a transformer (Shoeybi et al. 2019, arXiv 1909.08053): by attention head and
# by feed-forward unit, so that activations are summed twice per layer; embeddings by dimension.
# The names are those of KerasHub's encoders; weights with other names stay whole on every device.
SPLIT_WEIGHTS = {
    r".*/(query|key|value)(_dense)?/kernel": (None, MODEL, None),
    r".*/(query|key|value)(_dense)?/bias": (MODEL, None),
    r".*/attention_output(_dense)?/kernel": (MODEL, None, None),
    r".*intermediate_dense/kernel": (None, MODEL),
    r".*intermediate_dense/bias": (MODEL,),
    r".*(feedforward|inner_|ff)_?output_dense/kernel": (MODEL, None),
    r".*(embedding|embeddings).*/(position_)?embeddings": (None, MODEL),
}


class SplitModel(keras.distribution.ModelParallel):
    """Keras' `ModelParallel`, but weights that its devices cannot divide evenly stay whole."""

    def get_variable_layout(self, variable: keras.Variable) -> keras.distribution.TensorLayout:
        layout = super().get_variable_layout(variable)
        sizes = dict(zip(self.device_mesh.axis_names, self.device_mesh.shape, strict=True))
        whole = [None] * len(variable.shape)
        if len(layout.axes) != len(whole) or any(
            axis is not None and size % sizes[axis]
            for axis, size in zip(layout.axes, variable.shape, strict=True)
        ):
            return keras.distribution.TensorLayout(whole, self.device_mesh)
        return layout


def distribute(settings: DistributionConfig, batch_size: int | None = None) -> None:
    """Joins the processes and chooses the devices of all models built afterwards.

    Args:
        settings: the `[distribution]` section.
        batch_size: int. Rows per training step, 0 for as many as the devices divide; `None` for
            a program that only predicts, which uses the devices it finds, whatever the training
            used.

    Raises:
        ConfigError: if there are too few devices, or they cannot divide their work evenly.
    """
    keras.distribution.set_distribution(None)
    if keras.backend.backend() != "jax":
        return
    if batch_size is not None:
        _join(settings)
    copies, parts = mesh_shape(settings, len(hardware.device_names()), predicts=batch_size is None)
    if batch_size is not None:
        check_batch_size(batch_size, copies)
    if copies * parts == 1:
        return
    names = hardware.device_names(copies * parts // processes.count())
    mesh = keras.distribution.DeviceMesh((copies, parts), [BATCH, MODEL], names)
    if parts == 1:
        mesh = keras.distribution.DeviceMesh((copies,), [BATCH], names)
        chosen = keras.distribution.DataParallel(device_mesh=mesh, auto_shard_dataset=False)
    else:
        layouts = keras.distribution.LayoutMap(mesh)
        for pattern, axes in SPLIT_WEIGHTS.items():
            layouts[pattern] = axes
        chosen = SplitModel(layout_map=layouts, batch_dim_name=BATCH, auto_shard_dataset=False)
    keras.distribution.set_distribution(chosen)


def _join(settings: DistributionConfig) -> None:
    if not joins_others(settings):
        return
    number = settings.processes if isinstance(settings.processes, int) else None
    processes.initialize(settings.coordinator, number, settings.process_id)


def mesh_shape(
    settings: DistributionConfig, devices: int, predicts: bool = False
) -> tuple[int, int]:
    """Returns the number of copies of the model and the number of devices per copy.

    Args:
        settings: the `[distribution]` section.
        devices: int. Number of devices of all processes together.
        predicts: bool. Whether fewer devices than the training used are accepted.

    Raises:
        ConfigError: if there are too few devices.
    """
    copies, parts, count = settings.data_parallel, settings.model_parallel, processes.count()
    if predicts:
        copies, parts = copies and "auto", 1 if devices % parts else parts
    there_are = f"there {'is' if devices == 1 else 'are'} {devices}"
    if parts > 1 and count > 1:
        raise ConfigError(
            "distribution.model_parallel splits a model over the devices of one process, but "
            f"there are {count} processes"
        )
    if copies == "auto":
        if devices % parts:
            raise ConfigError(
                f"distribution.model_parallel: {parts} does not divide the number of devices "
                f"({devices}); choose a divisor, or set distribution.data_parallel to a number"
            )
        return devices // parts, parts
    copies = copies or 1
    if copies * parts > devices:
        product = f" × model_parallel = {parts}" if parts > 1 else ""
        raise ConfigError(
            f"distribution.data_parallel = {copies}{product}: needs {copies * parts} devices, "
            f"but {there_are}"
        )
    if copies % count:
        raise ConfigError(
            f"distribution.data_parallel: {copies} copies cannot be divided among {count} "
            f"processes; choose a multiple of {count}"
        )
    return copies, parts


def check_batch_size(batch_size: int, copies: int) -> None:
    """Checks that every copy of the model gets the same number of rows.

    Raises:
        ConfigError: naming batch sizes that divide evenly.
    """
    if batch_size % copies == 0:
        return
    less = batch_size // copies * copies
    fit = " or ".join(str(size) for size in (less, less + copies) if size)
    fewer = max(n for n in range(1, copies) if batch_size % n == 0)
    raise ConfigError(
        f"training.batch_size: {batch_size} rows cannot be divided among {copies} devices; "
        f"{fit} can, and so can {batch_size} with distribution.data_parallel = {fewer}"
    )


def share() -> Share:
    """Returns how the current distribution divides the rows of a batch."""
    copies, _ = hardware.mesh_shape()
    return Share(copies, processes.count(), processes.process_id())


def on_every_process(outputs: Any) -> Any:
    """Returns a step's outputs so that every process can read all rows, not only its own."""
    distribution = keras.distribution.distribution()
    if distribution is None or processes.count() == 1:
        return outputs

    def whole(output: keras.KerasTensor) -> keras.KerasTensor:
        axes = [None] * len(output.shape)
        layout = keras.distribution.TensorLayout(axes, distribution.device_mesh)
        return keras.distribution.distribute_tensor(output, layout)

    return keras.tree.map_structure(whole, outputs)
