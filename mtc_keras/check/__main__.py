import sys

from mtc_keras.check.program import main

sys.exit(main())
