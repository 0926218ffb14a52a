import sys

from mtc_keras.serve.program import main

sys.exit(main())
