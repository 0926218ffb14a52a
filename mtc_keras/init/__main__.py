import sys

from mtc_keras.init.program import main

sys.exit(main())
