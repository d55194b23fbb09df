"""`python -m syncd`, the same as the command `syncd`."""

import sys

from syncd.cli import main

if __name__ == "__main__":
    sys.exit(main())
