"""The model card of an export: what it predicts, how it was judged, what it was made from."""

import re
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mtc_keras.export.folder import ONNX
from mtc_keras.export.onnx.rates import advice
from mtc_keras.model.backbones.names import MINILM

if TYPE_CHECKING:
    from mtc_keras.run.directory import Run

LICENCES = {"minilm": "Apache-2.0", MINILM: "Apache-2.0", f"hf://{MINILM}": "Apache-2.0"}
UNKNOWN = "unknown; see where the backbone comes from"
LONGER = {
    "truncate": "what is longer is cut",
    "head_tail": "of what is longer it reads a quarter of that from the beginning, the rest from "
    "the end",
    "windows": "what is longer it reads in windows that share {overlap} tokens with the next, and "
    "each task pools their logits",
}

TIES = (
    "Not compared are {} of them, which have the model's tokens in another order: a run of letters "
    "may be divided in several ways that are equally good."
)


def model_card(about: Mapping[str, Any], run: "Run | None" = None) -> str:
    """Returns a model card in Markdown.

    Args:
        about: what the export's `mtc_keras.json` holds.
        run: the `Run` that the model comes from; without it the card knows of no training.
    """
    name = about["name"]
    parts = [f"# {name}", _purpose(about), "## What it predicts", _tasks(about)]
    if run is not None:
        parts += ["## How it was judged", *_judgement(run)]
        parts += ["## What it was trained on", _data(run)]
    parts += ["## Backbone", _backbone(about)]
    parts += ["## Self-test", _self_test(about["self_test"], about["model_format"])]
    if "int8" in about:
        parts += ["## Weights of 8 bits", _int8(about["int8"])]
    parts += ["## Versions", _table(["package", "version"], about["versions"].items())]
    return "\n\n".join(parts) + "\n"


def licence_of(backbone: str) -> str:
    """Returns the licence of a backbone's weights, if its name or its folder tells it."""
    if backbone == "random":
        return "none: its weights began at random"
    if backbone in LICENCES:
        return LICENCES[backbone]
    card = Path(backbone) / "README.md"
    if card.is_file():  # as Hugging Face's folders have it, with a head of YAML
        head = card.read_text(encoding="utf-8", errors="replace").partition("\n---")[0]
        stated = re.search(r"^license:\s*(\S.*?)\s*$", head, re.M)
        if head.startswith("---") and stated:
            return stated[1]
    return UNKNOWN


def _purpose(about: Mapping[str, Any]) -> str:
    columns = " and ".join(f"`{column}`" for column in about["inputs"].values())
    pair = ", text pairs," if len(about["inputs"]) > 1 else ""
    read = LONGER[about["long_texts"]].format(overlap=about.get("window_overlap"))
    if "prefix" in about:
        read += f"; {about['prefix']!r} is put before each text"
    most = about["max_length"]
    if about["model_format"] == ONNX and about["long_texts"] == "windows":
        return (
            f"An ONNX model that reads windows of at most {most} token ids, which `tokenizer.json` "
            f"makes of texts ({columns}); {read}. `model.onnx` answers with the logits of each "
            "window, and `pool.onnx` makes one calibrated answer of those of a text; thresholds "
            "are in `mtc_keras.json`."
        )
    if about["model_format"] == ONNX:
        return (
            f"An ONNX model that reads at most {most} token ids, which `tokenizer.json` makes of "
            f"texts ({columns}); {read}. It answers with calibrated probabilities; thresholds are "
            "in `mtc_keras.json`."
        )
    return (
        f"A SavedModel that reads texts{pair} ({columns}) of at most {most} tokens; {read}. "
        "Signatures: `serving_default` (probabilities), `classify` (labels and their "
        "probabilities), `tokens` (token ids in). Probabilities are calibrated: temperatures and "
        "thresholds are part of it."
    )


def _tasks(about: Mapping[str, Any]) -> str:
    rows = []
    for name, task in about["tasks"].items():
        thresholds = task.get("thresholds") or {}
        shown = [
            (label if label == known else f"{label} ({known})")
            + (f" ≥ {thresholds[known]:.3f}" if known in thresholds else "")
            for known, label in task.get("class_names", {}).items()
        ]
        temperature = f"{task['temperature']:.3f}" if "temperature" in task else ""
        rows.append([name, task["kind"], temperature, ", ".join(shown)])
        if "window_pooling" in task:
            rows[-1].append(task["window_pooling"])
    heads = ["task", "kind", "temperature", "classes, with thresholds", "windows pooled by"]
    return _table(heads[: len(rows[0])], rows)


def _judgement(run: "Run") -> list[str]:
    parts = []
    for split in ("validation", "test"):
        if split not in run.metrics:
            continue
        found = run.metrics[split]
        constant = found["baseline"]["tasks"]
        rows = []
        for task in run.config.task_list:
            scores = found["tasks"].get(task.name) or {}
            for metric in task.shown_metrics:
                if scores.get(metric) is not None:
                    plain = (constant.get(task.name) or {}).get(metric)
                    shown = "" if plain is None else f"{plain:.4f}"
                    rows.append([task.name, metric, f"{scores[metric]:.4f}", shown])
        heads = ["task", "metric", "model", "most frequent class, or mean"]
        parts += [f"On the {split} split:", _table(heads, rows)]
        unlabelled = [f"`{name}`" for name, scores in found["tasks"].items() if scores is None]
        if unlabelled:
            parts.append(f"No row of it has a label of {', '.join(unlabelled)}.")
    return parts or ["No split was held out."]


def _data(run: "Run") -> str:
    hashes = run.environment["data_sha256"]
    if not hashes:
        return "Tables given from Python, of which no hash is known."
    return _table(["file", "SHA-256"], hashes.items())


def _backbone(about: Mapping[str, Any]) -> str:
    encoder, tokenizer = about["encoder"], about["tokenizer"]
    name, licence = f"`{encoder['class']}`", "unknown"
    if "name" in encoder:
        name, licence = f"`{encoder['name']}` ({name})", licence_of(encoder["name"])
    kind = f" ({tokenizer['kind']})" if tokenizer["kind"] else ""
    return (
        f"{name}. Licence of its weights: {licence}.\n\n"
        f"Texts become tokens by `{tokenizer['class']}`{kind}."
    )


def _self_test(test: Mapping[str, Any], format: str) -> str:
    largest = test["largest_difference"]
    user, same = ("ONNX Runtime", "token") if format == ONNX else ("TensorFlow", "label")
    ties = test.get("ties")
    return (
        f"{test['texts']} texts through the model and through this export, in float32, in a "
        f"process with {user} alone; at most {test['tolerance']} apart, and every {same} the "
        "same."
        + (f" {TIES.format(ties['texts'])}" if ties else "")
        + "\n\n"
        + _table(["task", "largest difference"], [[n, f"{d:.1e}"] for n, d in largest.items()])
    )


def _int8(found: Mapping[str, Any]) -> str:
    keys = ("before", "after", "change")
    tasks = [
        [name, task["metric"], *("" if task[key] is None else f"{task[key]:.4f}" for key in keys)]
        for name, task in found["tasks"].items()
    ]
    cost = [[name, *found[name].values()] for name in keys[:2]]
    speed = found["speed"]
    on = f" on {speed['processor']}" if speed["processor"] else ""
    said = advice(found)
    return (
        f"`{found['quantize']}`, on {found['rows']} labelled rows; no main metric may get worse by "
        f"more than {found['max_loss']}.\n\n"
        + _table(["task", "main metric", "float32", found["quantize"], "change"], tasks)
        + "\n\n"
        + _table(["", "MB", "rows/s where it was made"], cost)
        + f"\n\nMeasured in turns for {speed['seconds']} s{on}, batches of {speed['batch_size']}; "
        + f"{said}."
    )


def _table(heads: Sequence[str], rows: Iterable[Sequence[Any]]) -> str:
    lines = [heads, ["---"] * len(heads), *rows]
    return "\n".join("| " + " | ".join(_cell(value) for value in line) + " |" for line in lines)


def _cell(value: Any) -> str:
    return " ".join(str(value).replace("|", "\\|").split())
