"""What the tests of a session share: set here, as JAX and XLA read it when they are imported."""

import os
import tempfile
from pathlib import Path

if "MTC_KERAS_TESTS" not in os.environ:
    # One folder per session, for the workers of pytest-xdist and the processes of tests, too.
    SESSION = tempfile.TemporaryDirectory(prefix="mtc_keras_tests_")
    os.environ["MTC_KERAS_TESTS"] = SESSION.name
SHARED = Path(os.environ["MTC_KERAS_TESTS"])
OWN = SHARED / os.environ.get("PYTEST_XDIST_WORKER", "only")

# The user's own caches stay as they are.
os.environ["XDG_CACHE_HOME"] = str(OWN / "cache")
# The same tiny models are compiled again and again, in processes of their own, too.
os.environ["JAX_COMPILATION_CACHE_DIR"] = str(OWN / "xla")
os.environ["JAX_PERSISTENT_CACHE_MIN_COMPILE_TIME_SECS"] = "0"
# Most of the time would be spent compiling steps that run for milliseconds.
FAST_COMPILING = "--xla_backend_optimization_level=0"
if FAST_COMPILING not in os.environ.get("XLA_FLAGS", ""):
    os.environ["XLA_FLAGS"] = f"{os.environ.get('XLA_FLAGS', '')} {FAST_COMPILING}".strip()
os.environ.setdefault("KERAS_BACKEND", "jax")
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
