"""A digit too many in a config is one message, and not a day of training or a full memory."""

import pytest

from mtc_keras.config import check_config
from mtc_keras.errors import ConfigError

RANDOM = {"backbone": "random"}


@pytest.mark.parametrize(
    ("section", "values", "key"),
    [
        ("model", {"max_length": 2**40}, "model.max_length"),
        ("model", {"lora_rank": 10**9}, "model.lora_rank"),
        ("model", {**RANDOM, "random": {"num_layers": 10**7}}, "model.random.num_layers"),
        ("model", {**RANDOM, "random": {"vocabulary_size": 2**34}}, "model.random.vocabulary_size"),
        ("model", {**RANDOM, "random": {"hidden_dim": 2**40}}, "model.random.hidden_dim"),
        ("model", {**RANDOM, "random": {"intermediate_dim": 2**40}}, "intermediate_dim"),
        (
            "model",
            {**RANDOM, "random": {"hidden_dim": 65_536, "num_layers": 1000}},
            "is more than 2,147,483,648; choose smaller sizes",
        ),
        ("training", {"epochs": 10**20}, "training.epochs"),
        ("training", {"batch_size": 2**40}, "training.batch_size"),
        ("training", {"patience": 10**20}, "training.patience"),
        ("training", {"keep_checkpoints": 10**20}, "training.keep_checkpoints"),
        ("balancing", {"probe_steps": 10**20}, "balancing.probe_steps"),
        ("data", {"limit": 10**20}, "data.limit"),
        ("data", {"validation": 10**20}, "data.validation"),
        ("distribution", {"model_parallel": 10**20}, "distribution.model_parallel"),
        ("distribution", {"data_parallel": 10**20}, "distribution.data_parallel"),
        ("distribution", {"processes": 10**20}, "distribution.processes"),
        ("tasks", {"x": {"kind": "multiclass", "num_classes": 10**9}}, "tasks.x.num_classes"),
        ("tasks", {"x": {"kind": "multilabel", "num_classes": 10**9}}, "tasks.x.num_classes"),
        ("tasks", {"x": {"kind": "multilabel", "column": "l[0:3000000000]"}}, "tasks.x.column"),
        ("tasks", {"x": {"kind": "multiclass", "column": f"l[{10**30}]"}}, "tasks.x.column"),
        ("tasks", {"x": {"kind": "regression", "hidden": [10**9]}}, "tasks.x.hidden"),
        ("tasks", {"x": {"kind": "regression", "hidden": [8] * 1000}}, "tasks.x.hidden"),
    ],
)
def test_a_number_without_measure_is_refused(section, values, key):
    config = {"tasks": {"a": {"kind": "regression"}}}
    with pytest.raises(ConfigError) as error:
        check_config({**config, section: values})
    assert key in error.value.problems[0]
