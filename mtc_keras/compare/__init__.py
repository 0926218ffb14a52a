"""Is one joint model worth it? `python -m mtc_keras.compare`."""

from mtc_keras.compare.program import main as main
