"""What saves memory or time in training: each does what it says, and changes no result."""

import jax
import keras
import numpy as np
import pytest

from mtc_keras import fit
from mtc_keras.config import ModelConfig, check_config
from mtc_keras.data.tokens import tokenize
from mtc_keras.devices import process
from mtc_keras.devices.rematerialisation import scan_parts
from mtc_keras.errors import ConfigError
from mtc_keras.model.backbones.layers import enable_lora
from mtc_keras.model.backbones.loading import load_backbone
from mtc_keras.model.classifier import MultiTaskClassifier
from tests.conftest import rows, tiny_bert

ROWS = 16


def batch_of(tasks, model, count=ROWS):
    """Returns inputs, targets with missing labels and weights of one batch."""
    table = rows(count)
    texts = table["text"].tolist()
    random = np.random.default_rng(0)
    targets = {
        "pooled_dense": random.integers(-1, 3, count).astype("int32"),
        "topics": np.where(
            random.random((count, 4)) < 0.3, np.nan, random.integers(0, 2, (count, 4))
        ),
        "a_number": np.where(random.random(count) < 0.5, np.nan, random.normal(size=count)),
    }
    targets = {k: v if k == "pooled_dense" else v.astype("float32") for k, v in targets.items()}
    return (
        tokenize(model.preprocessor, [texts]).inputs,
        targets,
        {task.name: np.ones(count, "float32") for task in tasks},
    )


def classifier(tasks, dropout=0.0, **options):
    keras.utils.set_random_seed(3)
    backbone, preprocessor = tiny_bert(dropout=dropout, **{"num_layers": 1, **options})
    return MultiTaskClassifier(backbone, tasks, preprocessor, dropout=dropout, compile=False)


def step_of(model, batch):
    """Returns the training step of a model, and what it takes."""
    model.optimizer.build(model.trainable_variables)
    state = model._get_jax_state(
        trainable_variables=True,
        non_trainable_variables=True,
        optimizer_variables=True,
        metrics_variables=True,
    )
    return model.train_step, (state, batch)


def temporary_bytes(model, batch):
    step, arguments = step_of(model, batch)
    compiled = jax.jit(step).lower(*arguments).compile()
    return compiled.memory_analysis().temp_size_in_bytes


def fitted(config, verbose=0, **changes):
    """Returns a run of a config with some values changed."""
    values = config.to_dict()
    for section, given in changes.items():
        values[section] |= given
    values["training"]["epochs"] = 1
    return fit(check_config(values), train=rows(48), validation=rows(16, 1), verbose=verbose)


def trained(tasks, balancing="static", steps=3, **options):
    model = classifier(tasks)
    model.compile(keras.optimizers.SGD(0.01), balancing=balancing, **options)
    inputs, targets, weights = batch_of(tasks, model)
    untrained = model.get_weights()
    history = model.fit(
        inputs, targets, sample_weight=weights, batch_size=ROWS, epochs=steps, verbose=0
    )
    return history.history, model.get_weights(), untrained


@pytest.mark.parametrize(
    ("balancing", "options"),
    [
        ("static", {"gradient_accumulation": 4}),
        ("log", {"gradient_accumulation": 2}),
        ("famo", {"gradient_accumulation": 2}),
        ("static", {"rematerialisation": True}),
        ("uncertainty", {"gradient_accumulation": 2, "rematerialisation": True}),
    ],
)
def test_saving_memory_changes_no_loss_and_no_weight(tasks, balancing, options):
    history, weights, untrained = trained(tasks, balancing)
    found_history, found_weights, _ = trained(tasks, balancing, **options)
    for name, values in history.items():
        assert found_history[name] == pytest.approx(values, rel=1e-4, abs=1e-5)
    for found, weight in zip(found_weights, weights, strict=True):
        np.testing.assert_allclose(found, weight, atol=2e-5)
    assert any(abs(a - b).max() > 1e-3 for a, b in zip(weights, untrained, strict=True))


def test_parts_need_less_memory(tasks):
    needed = []
    for parts in (1, 8):
        model = classifier(tasks, dropout=0.1, num_layers=4)
        model.compile(keras.optimizers.SGD(0.1), gradient_accumulation=parts)
        needed.append(temporary_bytes(model, batch_of(tasks, model, count=64)))
    assert needed[1] < 0.5 * needed[0]


def test_rematerialisation_keeps_less_for_the_backward_pass(tasks):
    """XLA joins both passes again on a CPU, so what is kept is counted before it."""
    kept = []
    for rematerialisation in (False, True):
        model = classifier(tasks, dropout=0.1, num_layers=2)
        model.compile(keras.optimizers.SGD(0.1), rematerialisation=rematerialisation)
        inputs, _, _ = batch_of(tasks, model, count=64)
        fixed = [v.value for v in model.non_trainable_variables]

        def forward(trainable, model=model, fixed=fixed, inputs=inputs):
            outputs, _ = model.stateless_call(trainable, fixed, inputs, training=True)
            return outputs

        _, backward = jax.vjp(forward, [v.value for v in model.trainable_variables])
        kept.append(sum(array.nbytes for array in jax.tree.leaves(backward)))
    assert kept[1] < 0.6 * kept[0]


def test_parts_of_a_batch_have_dropout_of_their_own():
    def half(state, inputs):
        return state + 1, inputs * state

    state, outputs = scan_parts(half, jax.numpy.ones(()), np.arange(8.0), 2)
    assert state == 3
    assert outputs.tolist() == [0, 2, 2, 6, 4, 10, 6, 14]  # odd rows are the second part


def test_the_config_reaches_the_training_step_and_what_saves_nothing_is_told(config, capsys):
    training = {"gradient_accumulation": 4, "rematerialisation": True, "precision": "bfloat16"}
    run = fitted(config, verbose=1, training=training)
    assert "training.rematerialisation saves no memory on a CPU" in capsys.readouterr().out
    assert run.model.backbone.dtype_policy.name == "float32"  # loaded on a CPU
    assert run.config.training.gradient_accumulation == 4


# === Precision ===


def dtypes_of_products(model, tasks):
    """Returns the types of what matrix products read in a training step."""
    model.compile(keras.optimizers.SGD(0.1))
    step, arguments = step_of(model, batch_of(tasks, model))
    found = set()

    def visit(jaxpr):
        for equation in jaxpr.eqns:
            if equation.primitive.name == "dot_general":
                found.add(str(equation.invars[0].aval.dtype))
            for value in equation.params.values():
                if hasattr(value, "eqns"):
                    visit(value)
                elif hasattr(value, "jaxpr"):
                    visit(value.jaxpr)

    visit(jax.make_jaxpr(step)(*arguments).jaxpr)
    return found


def test_bfloat16_computes_the_backbone_and_nothing_else(tasks):
    model = classifier(tasks, dtype=process.dtype_policy("bfloat16"))
    assert dtypes_of_products(model, tasks) == {"bfloat16", "float32"}  # the latter of heads
    assert {v.dtype for v in model.trainable_variables} == {"float32"}
    logits = model.predict_logits(["good bus"])
    assert {array.dtype.name for array in logits.values()} == {"float32"}
    assert dtypes_of_products(classifier(tasks), tasks) == {"float32"}


def test_auto_is_float32_on_a_cpu():
    assert process.dtype_policy("auto") == process.dtype_policy("float32") == "float32"


# === Low-rank updates ===


def test_lora_trains_few_parameters_and_is_merged_when_saved(tasks, tmp_path):
    def count(model):
        return sum(int(np.prod(v.shape)) for v in model.backbone.trainable_variables)

    keras.utils.set_random_seed(3)
    backbone, preprocessor = tiny_bert(hidden_dim=32)
    whole = count(MultiTaskClassifier(backbone, tasks, preprocessor, compile=False))
    enable_lora(backbone, 2)
    model = MultiTaskClassifier(backbone, tasks, preprocessor)
    assert 0 < count(model) < 0.1 * whole
    embeddings = backbone.token_embedding.embeddings.numpy()
    inputs, targets, _ = batch_of(tasks, model)
    before = model.predict_logits(["good bus", "bad"])
    model.compile(keras.optimizers.Adam(0.05))
    model.fit(inputs, targets, epochs=3, verbose=0)
    np.testing.assert_array_equal(backbone.token_embedding.embeddings, embeddings)
    after = model.predict_logits(["good bus", "bad"])
    assert any(abs(after[name] - before[name]).max() > 0.01 for name in after)

    model.save_to_preset(str(tmp_path / "model"))
    loaded = MultiTaskClassifier.from_preset(str(tmp_path / "model"))
    assert count(loaded) == whole
    for name, logits in loaded.predict_logits(["good bus", "bad"]).items():
        np.testing.assert_allclose(logits, after[name], atol=1e-5)


def test_a_run_with_lora_finishes(config):
    run = fitted(config, model={"lora_rank": 2})
    assert run.metrics["validation"]["score"] is not None


def test_lora_and_freezing_exclude_each_other(config):
    values = config.to_dict()
    values["model"]["lora_rank"] = 2
    values["training"]["freeze"] = "all"
    with pytest.raises(ConfigError, match="leave out training"):
        check_config(values)


def test_parts_must_divide_the_batch(config):
    values = config.to_dict()
    values["training"] |= {"batch_size": 16, "gradient_accumulation": 3}
    with pytest.raises(ConfigError, match=r"gradient_accumulation \(3\) must divide"):
        check_config(values)


# === Attention in one operation ===


def test_without_dropout_in_the_backbone_attention_is_one_operation(tasks, monkeypatch):
    calls = []
    whole = keras.src.backend.nn.dot_product_attention

    def counted(*args, **kwargs):
        calls.append(args)
        return whole(*args, **kwargs)

    monkeypatch.setattr(keras.src.backend.nn, "dot_product_attention", counted)
    config = ModelConfig(backbone="random", max_length=16, backbone_dropout=0.0)
    for dropout, expected in [(0.0, 2), (None, 0)]:
        config = config.model_copy(update={"backbone_dropout": dropout})
        calls.clear()
        backbone = load_backbone(config, ["good bus"]).backbone
        inputs = {name: np.ones((2, 4), "int32") for name in backbone.input}
        calls.clear()
        backbone(inputs, training=True)
        assert len(calls) == expected
