"""Wrote this folder with the code of version 0.1.0 (commit d4cc354); kept to tell what is in it.

Run from the root of that code, with the extras of `dev` installed.
"""

import json
import random
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import mtc_keras

out = Path("tests/written_by_0_1")
for old in out.iterdir():
    if old.name != "make.py":
        shutil.rmtree(old) if old.is_dir() else old.unlink()
rng = random.Random(7)
WORDS = ["good", "bad", "fine", "slow", "kind", "rude", "queue", "form", "clerk", "office"]
WORDS += ["website", "fee", "bus", "late", "clean"]


def row(i):
    words = rng.choices(WORDS, k=rng.randint(2, 11))
    mood = int("good" in words) - int("bad" in words) + 1
    return {
        "id": f"r{i}",
        "text": " ".join(words),
        "mood": ["bad", "fine", "good"][mood] if i % 9 else None,
        "topics": sorted({w for w in words if w in ("bus", "fee", "form", "queue")}),
        "grade": str(min(len(words) // 3, 3)),
        "length": float(len(words)),
    }


for name, n in (("train", 96), ("validation", 32), ("test", 24)):
    (out / f"{name}.jsonl").write_text("".join(json.dumps(row(i)) + "\n" for i in range(n)))
config = f'''seed = 3

[data]
train = "{out}/train.jsonl"
validation = "{out}/validation.jsonl"
test = "{out}/test.jsonl"

[tasks.mood]
kind = "multiclass"
class_names = {{ bad = "a bad mood" }}

[tasks.topics]
kind = "multilabel"
loss_weight = 2.0
class_weights = "balanced"

[tasks.grade]
kind = "ordinal"
classes = ["0", "1", "2", "3"]

[tasks.length]
kind = "regression"

[model]
backbone = "random"
max_length = 16

[model.random]
hidden_dim = 8
intermediate_dim = 8
num_layers = 1
vocabulary_size = 64

[training]
epochs = 3
batch_size = 16
learning_rate = 1e-2

[output]
directory = "{out}/run"
'''
(out / "config.toml").write_text(config)
py = [sys.executable, "-m"]


def go(*a):
    subprocess.run([*py, *a], check=True)


go("mtc_keras.train", "--config", f"{out}/config.toml")

model = mtc_keras.load(out / "run")
texts = ["good bus", "", "the clerk was rude and slow", "late late late fee"]
probabilities = model.predict(texts, verbose=0)
(out / "predictions.json").write_text(
    json.dumps(
        {
            "texts": texts,
            "probabilities": {k: v.tolist() for k, v in probabilities.items()},
            "classify": model.classify(texts),
        },
        indent=1,
    )
    + "\n"
)
model.save(out / "model.keras")
go("mtc_keras.export", "--model", f"{out}/run", "--out", f"{out}/export")
go("mtc_keras.export", "--model", f"{out}/run", "--out", f"{out}/export_onnx", "--format", "onnx")
# an unfinished run of the same config, stopped after its first epoch
p = subprocess.Popen(
    [
        *py,
        "mtc_keras.train",
        "--config",
        f"{out}/config.toml",
        "--set",
        f"output.directory={out}/stopped",
    ],
    stdout=subprocess.PIPE,
    text=True,
)
for line in p.stdout:
    if line.startswith("validation after epoch 1"):
        p.send_signal(signal.SIGTERM)
p.wait()
print("stopped", p.returncode)
