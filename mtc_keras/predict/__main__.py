import sys

from mtc_keras.predict.program import main

sys.exit(main())
