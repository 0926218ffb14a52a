import sys

from mtc_keras.report.program import main

sys.exit(main())
