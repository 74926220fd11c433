"""Where a run begins, by name or as `python -m rnncli`."""

import os
import sys


def main() -> None:
    """Run the command line. An interrupt is one line also while its modules are being loaded."""
    try:
        from rnncli.cli import main as run

        run()
    except KeyboardInterrupt:
        sys.stderr.write("error: interrupted\n")
        sys.stderr.flush()
        os._exit(130)  # the interpreter itself would end by the signal


if __name__ == "__main__":
    main()
