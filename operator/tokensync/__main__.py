"""`python -m tokensync`: the command line."""

import sys

from tokensync.cli import main

sys.exit(main())
