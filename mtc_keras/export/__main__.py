import sys

from mtc_keras.export.program import main

sys.exit(main())
