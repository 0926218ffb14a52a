"""What training, prediction and serving cost: `python -m benchmarks.NAME`, docs/performance.md."""

import os

os.environ.setdefault("KERAS_BACKEND", "jax")
