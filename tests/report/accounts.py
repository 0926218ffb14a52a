"""What a run is told by, without a training."""

from mtc_keras.config import check_config
from mtc_keras.report.account import Account
from mtc_keras.report.judged import Judged


def account_of_rows(judged: Judged, **changes) -> Account:
    """Returns an account of judged rows of the test split."""
    tasks = {
        task.name: {key: value for key, value in task.exported().items() if key != "class_names"}
        for task in judged.tasks
    }
    report = {"slices": list(judged.slices), "texts": judged.texts is not None}
    values = {
        "tasks": tasks,
        "report": report,
        "seed": 7,
        "output": {"directory": "runs/a b"},
        "training": {"epochs": 2},
    }
    environment = {
        "versions": {"keras": "3.0", "mtc-keras": "0.2"},
        "device": "cpu × 2",
        "machine": {"processor": "a CPU", "cores": 2, "memory": 2**34, "system": "Linux x86_64"},
        "seconds": {"to_last_epoch": 12.0, "in_all": 15.5},
        "data_sha256": {"data/train.jsonl": "0" * 64},
    }
    given = {
        "name": "run",
        "config": check_config(values),
        "tasks": judged.tasks,
        "decisions": judged.decisions,
        "metrics": {judged.name: {"tasks": {}}},
        "history": [{"epoch": 1, "seconds": 4.0}, {"epoch": 2, "seconds": 3.0}],
        "environment": environment,
        "loss_weights": {},
        "judged": (judged,),
    }
    return Account(**(given | changes))
