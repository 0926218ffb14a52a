"""Is one joint model worth it? `mtc-keras compare`."""

from mtc_keras.compare.program import main as main
