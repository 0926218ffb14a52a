import sys

from mtc_keras.train.program import main

sys.exit(main())
