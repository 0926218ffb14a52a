"""One BERT encoder, every label: multi-task text classification on Keras 3 and JAX.

Names are loaded when they are first used, so that `--help` and a mistake in a config
answer at once. So Keras learns of `MultiTaskClassifier` when it is asked for: `mtc_keras.load`
reads `.keras` files, too, and `keras.saving.load_model` needs `from mtc_keras import
MultiTaskClassifier` before it.
"""

import importlib
import os
import sys
import warnings
from typing import Any

if "keras" in sys.modules and sys.modules["keras"].backend.backend() != "jax":
    if "KERAS_BACKEND" not in os.environ:
        warnings.warn(
            "keras was imported before mtc_keras and chose another backend than JAX; "
            "import mtc_keras first, or set KERAS_BACKEND",
            stacklevel=2,
        )
else:
    os.environ.setdefault("KERAS_BACKEND", "jax")

# ONNX Runtime (1.32) would send what it is used for to its maker, and read this when it starts.
os.environ.setdefault("ORT_DISABLE_TELEMETRY", "1")

__version__ = "0.2.0"

_HOMES = {
    "BulkOptions": "mtc_keras.predict.bulk.job",
    "Calibration": "mtc_keras.calibrate",
    "Check": "mtc_keras.check.checking",
    "Comparison": "mtc_keras.compare.approaches",
    "Config": "mtc_keras.config",
    "ConfigError": "mtc_keras.errors",
    "DataError": "mtc_keras.errors",
    "DataSplit": "mtc_keras.check.splitting.splitting",
    "Distillation": "mtc_keras.distill",
    "Evaluation": "mtc_keras.evaluate",
    "Explanation": "mtc_keras.model.explanation",
    "Export": "mtc_keras.export.writing",
    "ExportError": "mtc_keras.errors",
    "FirstConfig": "mtc_keras.init.first_config",
    "MultiTaskClassifier": "mtc_keras.model.classifier",
    "Multiclass": "mtc_keras.tasks",
    "Multilabel": "mtc_keras.tasks",
    "Ordinal": "mtc_keras.tasks",
    "PredictedFiles": "mtc_keras.predict.bulk.predicting",
    "Predictions": "mtc_keras.predict.rows",
    "Regression": "mtc_keras.tasks",
    "Report": "mtc_keras.report.reporting",
    "ReportComparison": "mtc_keras.report.comparing.operation",
    "Run": "mtc_keras.run.directory",
    "RunComparison": "mtc_keras.compare.runs",
    "ShrunkVocabulary": "mtc_keras.shrink.shrinking",
    "Task": "mtc_keras.tasks",
    "TaskMetrics": "mtc_keras.train.callbacks",
    "TrainingError": "mtc_keras.errors",
    "calibrate_run": "mtc_keras.calibrate",
    "check_config": "mtc_keras.config",
    "check_data": "mtc_keras.check.checking",
    "compare_approaches": "mtc_keras.compare.approaches",
    "compare_reports": "mtc_keras.report.comparing.operation",
    "compare_runs": "mtc_keras.compare.runs",
    "distill_files": "mtc_keras.distill",
    "evaluate_run": "mtc_keras.evaluate",
    "export_model": "mtc_keras.export.exporting",
    "fit": "mtc_keras.train.fitting",
    "init_config": "mtc_keras.init.first_config",
    "load": "mtc_keras.run.directory",
    "load_config": "mtc_keras.config",
    "predict_files": "mtc_keras.predict.bulk.predicting",
    "predict_rows": "mtc_keras.predict.rows",
    "register_kind": "mtc_keras.tasks",
    "report_run": "mtc_keras.report.reporting",
    "shrink_vocab": "mtc_keras.shrink.shrinking",
    "split_config": "mtc_keras.check.splitting.splitting",
}

__all__ = sorted(_HOMES)


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module 'mtc_keras' has no attribute {name!r}")
    from mtc_keras.devices.late_tensorflow import imported_late
    from mtc_keras.devices.quiet import importing_quietly

    with importing_quietly(), imported_late():
        home = importlib.import_module(_HOMES[name])
    return getattr(home, name)


def __dir__() -> list[str]:
    return sorted([*globals(), *__all__])
