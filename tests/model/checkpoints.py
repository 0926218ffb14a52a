"""Fixtures' checkpoints as backbones, for the tests of them."""

import json
from pathlib import Path

import numpy as np

from mtc_keras.model.backbones.hugging_face import load_encoder
from tests.fixtures import expected, fixture

# One checkpoint per way in which layers are made.
FORMS = ["bert", "electra", "camembert_v2", "xlm_roberta", "distilbert", "albert"]


def load(folder: Path, **changes):
    """Returns the backbone of a folder whose config.json says something else, and the notes."""
    config = {**json.loads((folder / "config.json").read_text("utf-8")), **changes}
    return load_encoder(str(folder), config, load_weights=True, options={})


def described(name: str, tmp_path: Path, **changes) -> dict:
    path = fixture(name, tmp_path) / "config.json"
    return {**json.loads(path.read_text("utf-8")), **changes}


def states(backbone, name: str) -> np.ndarray:
    """Returns the last hidden states of a fixture's batch at the tokens that are no padding."""
    ids, mask = expected(name).padded_batch()
    inputs = {"token_ids": ids, "padding_mask": mask.astype("int32")}
    if "segment_ids" in backbone.input:
        inputs["segment_ids"] = np.zeros_like(ids)
    outputs = backbone.predict(inputs, verbose=0)
    found = outputs["sequence_output"] if isinstance(outputs, dict) else outputs
    return found[mask]
