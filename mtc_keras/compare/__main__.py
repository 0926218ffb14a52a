import sys

from mtc_keras.compare.program import main

sys.exit(main())
