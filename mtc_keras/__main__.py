"""`python -m mtc_keras` is `mtc-keras`."""

import sys

from mtc_keras.cli import main

sys.exit(main())
