"""The model: outputs, losses of several tasks, masks, saving and loading."""

import jax
import keras
import numpy as np
import pytest

from mtc_keras.data.tokens import tokenize
from mtc_keras.model.classifier import MultiTaskClassifier
from mtc_keras.tasks import Multiclass, Multilabel
from tests.conftest import tiny_bert

TEXTS = [
    "good clerk",
    "bad queue and slow bus",
    "",
    "fine",
    "fee form " * 40,
    "late\0bus 😀 é مرحبا",
]


@pytest.fixture
def targets(tasks):
    cells = {
        "pooled_dense": ["good", None, "bad", "fine", "fine", None],
        "topics": [[], ["queue", "bus"], None, [], ["fee", "form"], ["bus"]],
        "a_number": [1, 2.5, None, 4, 5, None],
    }
    return {task.name: task.encode(cells[task.name])[0] for task in tasks}


def equal(left, right):
    return left.keys() == right.keys() and all((left[k] == right[k]).all() for k in left)


def test_predict_gives_probabilities_by_task_in_config_order(model, tasks):
    found = model.predict(TEXTS, verbose=0)
    assert list(found) == [task.name for task in tasks]
    assert {name: value.shape for name, value in found.items()} == {
        "pooled_dense": (6, 3),
        "topics": (6, 4),
        "a_number": (6,),
    }
    assert all(value.dtype == np.float32 for value in found.values())
    np.testing.assert_allclose(found["pooled_dense"].sum(axis=1), 1, atol=1e-6)
    assert ((found["topics"] > 0) & (found["topics"] < 1)).all()


def test_predictions_keep_the_order_of_rows_whatever_their_length(model):
    together = model.predict(TEXTS * 7, batch_size=4, verbose=0)
    for row, text in enumerate(TEXTS):
        alone = model.predict([text], verbose=0)
        for name, value in alone.items():
            np.testing.assert_allclose(together[name][row + 6], value[0], atol=1e-5)


def test_predict_takes_arrays_pairs_nothing_and_refuses_a_bare_text(model):
    assert equal(model.predict(np.array(TEXTS)), model.predict(TEXTS))
    assert model.predict(([TEXTS[0]], [TEXTS[1]]))["topics"].shape == (1, 4)
    assert model.predict([])["topics"].shape == (0, 4)
    with pytest.raises(ValueError, match="list of texts"):
        model.predict("good")
    with pytest.raises(ValueError, match="NoneType in row 1"):
        model.predict(["good", None])


def test_classify_speaks_in_labels(model):
    (found,) = model.classify(["good clerk"])
    assert set(found["pooled_dense"]) == {"label", "probability"}
    assert found["pooled_dense"]["label"] in ["bad", "fine", "good"]
    chosen = [name for name, p in found["topics"]["probabilities"].items() if p >= 0.5]
    assert found["topics"]["labels"] == chosen
    assert isinstance(found["a_number"]["value"], float)


def test_evaluate_lists_its_numbers_in_the_order_of_their_names(model, targets):
    named = model.evaluate(TEXTS, targets, verbose=0, return_dict=True)
    listed = model.evaluate(TEXTS, targets, verbose=0)
    # Of tasks as the config has them, which is no order of the alphabet.
    assert model.metrics_names[:4] == ["loss", *(f"{task.name}_loss" for task in model.tasks)]
    assert listed == pytest.approx([named[name] for name in model.metrics_names[:4]])
    assert len(set(listed)) == len(listed) == len(named)


def test_logged_loss_is_exactly_the_weighted_sum_over_labelled_rows(model, tasks, targets):
    logits = model.predict_logits(TEXTS)
    exact = {t.name: float(t.make_loss()(targets[t.name], logits[t.name])) for t in tasks}
    tokens = tokenize(model.preprocessor, [TEXTS]).inputs
    found = model.evaluate(tokens, targets, batch_size=2, verbose=0, return_dict=True)
    for name, loss in exact.items():
        assert found[f"{name}_loss"] == pytest.approx(loss, rel=1e-4)
    total = exact["pooled_dense"] + 4 * exact["topics"] + exact["a_number"]
    assert found["loss"] == pytest.approx(total, rel=1e-4)


def gradients(model, texts, targets, weights=None):
    tokens = {k: np.asarray(v) for k, v in model.preprocessor(texts).items()}

    def loss(trainable):
        state = (trainable, [v.value for v in model.non_trainable_variables])
        outputs, _ = model.stateless_call(*state, tokens)
        metrics = [v.value for v in model.metrics_variables]
        value, _ = model.stateless_compute_loss(
            *state, metrics, y=targets, y_pred=outputs, sample_weight=weights
        )
        return value

    found = jax.grad(loss)([v.value for v in model.trainable_variables])
    return {v.path: np.asarray(g) for v, g in zip(model.trainable_variables, found, strict=True)}


def test_a_missing_label_changes_no_other_tasks_gradient(model, targets):
    without = dict(targets, topics=np.full_like(targets["topics"], np.nan))
    removed = {k: v for k, v in targets.items() if k != "topics"}
    masked, absent = gradients(model, TEXTS, without), gradients(model, TEXTS, removed)
    for path, gradient in masked.items():
        np.testing.assert_array_equal(gradient, absent[path])
    heads = [g for path, g in masked.items() if "head_topics" in path]
    assert heads and all((g == 0).all() for g in heads)


def test_rows_without_a_tasks_label_leave_its_gradient_unchanged(model, targets):
    only = {"pooled_dense": targets["pooled_dense"]}
    known = np.flatnonzero(only["pooled_dense"] >= 0)
    few = {"pooled_dense": only["pooled_dense"][known]}
    all_rows = gradients(model, TEXTS, only)
    labelled = gradients(model, [TEXTS[row] for row in known], few)
    for path, gradient in all_rows.items():
        np.testing.assert_allclose(gradient, labelled[path], atol=1e-6)


def test_row_weights_rank_rows_and_a_weight_of_zero_is_no_row(model, targets):
    weights = {name: np.array([1, 1, 1, 1, 0, 0], "float32") for name in targets}
    weighted = gradients(model, TEXTS, targets, weights)
    fewer = gradients(model, TEXTS[:4], {name: value[:4] for name, value in targets.items()})
    for path, gradient in weighted.items():
        np.testing.assert_allclose(gradient, fewer[path], atol=1e-6)


def test_fit_on_texts_lowers_the_loss(model, targets):
    model.compile(keras.optimizers.Adam(1e-2))
    history = model.fit(TEXTS, targets, epochs=5, batch_size=6, verbose=0).history
    assert history["loss"][-1] < history["loss"][0]


def failing(model):
    """Makes the head of a model fail while it is traced."""
    head = model.get_layer("head_topics")
    call = head.call

    def broken(*args, **kwargs):
        raise RuntimeError("no such layer")

    head.call = broken
    model.compile(keras.optimizers.Adam(1e-3))  # traced anew
    return lambda: setattr(head, "call", call)


@pytest.mark.parametrize("asked", ["fit", "evaluate", "predict"])
def test_an_error_while_a_step_is_traced_leaves_the_weights_in_the_model(model, targets, asked):
    before = model.predict(TEXTS, verbose=0)
    repair = failing(model)
    with pytest.raises(RuntimeError, match="no such layer"):
        if asked == "predict":  # by Keras, which callbacks are left to
            model.predict(TEXTS, verbose=0, callbacks=[keras.callbacks.Callback()])
        else:
            getattr(model, asked)(TEXTS, targets, verbose=0)
    repair()
    model.compile(keras.optimizers.Adam(1e-3))
    assert equal(model.predict(TEXTS, verbose=0), before)
    model.fit(TEXTS, targets, verbose=0)


def test_an_error_after_some_steps_leaves_the_weights_of_the_last_one(model, targets):
    class Failing(keras.callbacks.Callback):
        def on_train_batch_end(self, batch, logs=None):
            if batch == 1:
                raise RuntimeError("a user's callback")

    before = model.predict(TEXTS, verbose=0)
    model.compile(keras.optimizers.Adam(1e-2))
    with pytest.raises(RuntimeError, match="a user's callback"):
        model.fit(TEXTS, targets, batch_size=2, callbacks=[Failing()], verbose=0)
    assert model.optimizer.iterations == 2
    after = model.predict(TEXTS, verbose=0)
    assert not equal(after, before)
    assert all(np.isfinite(value).all() for value in after.values())


def test_compile_takes_losses_and_weights_by_task(model, tasks, targets):
    model.compile(
        "sgd", loss={"a_number": keras.losses.MeanAbsoluteError()}, loss_weights={"topics": 0.5}
    )
    known = {"a_number": np.ones(6, "float32")}
    tokens = tokenize(model.preprocessor, [TEXTS]).inputs
    value = model.evaluate(tokens, known, verbose=0, return_dict=True)
    predicted = model.predict(TEXTS, verbose=0)["a_number"]
    assert value["a_number_loss"] == pytest.approx(np.abs(predicted - 1).mean(), rel=1e-4)
    assert model.task_loss_weights == {"pooled_dense": 1.0, "topics": 0.5, "a_number": 1.0}
    with pytest.raises(ValueError, match="topic"):
        model.compile(loss_weights={"topic": 1.0})


def test_a_given_weight_takes_the_place_of_a_rule():
    backbone, preprocessor = tiny_bert()
    task = Multiclass(name="a", classes=["x", "y"], loss_weight="prior")
    model = MultiTaskClassifier(backbone, [task], preprocessor, compile=False)
    model.compile(loss_weights={"a": 2.0})
    assert model.task_loss_weights == {"a": 2.0}
    with pytest.raises(ValueError, match="is the rule 'prior'"):
        model.compile()
    with pytest.raises(ValueError, match="loss_weights must be numbers"):
        model.compile(loss_weights={"a": "prior"})


def test_accumulating_the_means_of_batches_is_refused(model):
    with pytest.raises(ValueError, match="average the means of small batches"):
        model.compile(keras.optimizers.Adam(gradient_accumulation_steps=2))


def test_decisions_of_no_task_are_refused(tasks):
    backbone, preprocessor = tiny_bert()
    with pytest.raises(ValueError, match="decisions must name the model's tasks"):
        MultiTaskClassifier(backbone, tasks, preprocessor, decisions={"topic": {}})


def test_keras_file_round_trips_to_equal_bits(model, targets, tmp_path):
    model.compile(keras.optimizers.Adam(1e-3), loss_weights={"topics": 2.5})
    model.fit(TEXTS, targets, verbose=0)
    model.save(tmp_path / "model.keras")
    copy = keras.saving.load_model(tmp_path / "model.keras")
    assert equal(copy.predict(TEXTS, verbose=0), model.predict(TEXTS, verbose=0))
    assert copy.tasks == model.tasks
    assert copy.task_loss_weights == model.task_loss_weights
    assert isinstance(copy.optimizer, keras.optimizers.Adam)
    assert copy.optimizer.iterations == 1


def test_a_model_that_never_trained_saves_and_loads_without_a_warning(model, tmp_path):
    model.save(tmp_path / "model.keras")
    copy = keras.saving.load_model(tmp_path / "model.keras")
    assert equal(copy.predict(TEXTS, verbose=0), model.predict(TEXTS, verbose=0))


def test_preset_round_trips_to_equal_bits_without_the_optimizer(model, targets, tmp_path):
    model.fit(TEXTS, targets, verbose=0)
    model.save_to_preset(str(tmp_path))
    copy = MultiTaskClassifier.from_preset(str(tmp_path))
    assert equal(copy.predict(TEXTS, verbose=0), model.predict(TEXTS, verbose=0))
    assert copy.preprocessor.sequence_length == 16
    heads = sum(int(np.prod(v.shape)) for v in model.variables if "head_" in v.path) * 4
    assert (tmp_path / "task.weights.h5").stat().st_size < heads + 60_000


def test_new_heads_on_a_saved_classifiers_encoder(model, tmp_path):
    model.save_to_preset(str(tmp_path))
    heads = [Multilabel(name="new", classes=["a", "b"])]
    other = MultiTaskClassifier.from_preset(str(tmp_path), tasks=heads, max_length=16)
    assert list(other.predict(["good"], verbose=0)) == ["new"]
    for before, after in zip(model.backbone.weights, other.backbone.weights, strict=True):
        np.testing.assert_array_equal(np.asarray(before.value), np.asarray(after.value))


def test_a_backbone_without_tasks_is_no_classifier(tmp_path):
    backbone, preprocessor = tiny_bert()
    backbone.save_to_preset(str(tmp_path))
    preprocessor.save_to_preset(str(tmp_path))
    with pytest.raises(ValueError, match="a backbone needs `tasks`"):
        MultiTaskClassifier.from_preset(str(tmp_path))


@pytest.mark.parametrize("pooling", ["mean", "cls", "max", "pooled"])
def test_every_pooling_ignores_padding(pooling, tasks):
    backbone, preprocessor = tiny_bert()
    model = MultiTaskClassifier(backbone, tasks, preprocessor, pooling=pooling)
    alone = model.predict(["good"], verbose=0)
    padded = model.predict(["good", "bad " * 14], verbose=0)
    for name, value in alone.items():
        np.testing.assert_allclose(padded[name][0], value[0], atol=1e-5)


def test_a_model_of_one_task_and_of_many(tasks):
    backbone, preprocessor = tiny_bert()
    many = [Multilabel(name=f"t{i}", classes=["a", "b"]) for i in range(30)]
    model = MultiTaskClassifier(backbone, many, preprocessor)
    assert list(model.predict(["good"], verbose=0)) == [task.name for task in many]


@pytest.mark.parametrize(
    "arguments, message",
    [
        ({"tasks": []}, "one or more"),
        ({"tasks": [Multiclass(name="a", classes=["x", "y"])] * 2}, "different names"),
        ({"tasks": [Multiclass(name="a")]}, "no classes yet"),
        ({"pooling": "first"}, "pooling must be one of"),
    ],
)
def test_wrong_arguments_are_named(arguments, message):
    backbone, preprocessor = tiny_bert()
    given = {"tasks": [Multiclass(name="a", classes=["x", "y"])], **arguments}
    with pytest.raises(ValueError, match=message):
        MultiTaskClassifier(backbone, preprocessor=preprocessor, **given)
