"""Where a run begins and ends, by name or as `python -m rnncli`."""

import errno
import gc
import os
import sys
from contextlib import suppress

from rnncli import interrupts

COLLECT_AFTER = 50_000  # new objects; Python's 700 look through all modules again and again


def main() -> None:
    """Run the command line. An interrupt is one line also while its modules are being loaded.

    All is written and closed when the command is done: the process ends there, without taking its
    modules apart first, which would take a tenth of the time of a summary.
    """
    code: object = 0
    gc.set_threshold(COLLECT_AFTER)
    try:
        interrupts.catch()
        with interrupts.unchanged():
            from rnncli.cli import main as run
        run()
    except KeyboardInterrupt:
        what, code = interrupts.told()
        sys.stderr.write(f"error: {what}\n")
    except (MemoryError, OSError) as error:  # so little that nothing can be loaded
        if isinstance(error, OSError) and error.errno != errno.ENOMEM:
            raise
        sys.stderr.write("error: there is not enough memory to load rnncli\n")
        code = 2
    except SystemExit as done:
        code = done.code
    if not isinstance(code, int) or sys.flags.dev_mode:
        sys.exit(code)  # type: ignore[arg-type]
    for stream in (sys.stdout, sys.stderr):
        with suppress(AttributeError, OSError, ValueError):  # closed, or with nobody to read it
            stream.flush()
    os._exit(code)


if __name__ == "__main__":
    main()
