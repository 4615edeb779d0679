"""`python -m goldwire`: the command, also where the folder of scripts is not on PATH."""

from __future__ import annotations

import os
import subprocess
import sys

from ._command import command
from ._errors import NotInstalled


def main() -> int:
    try:
        words = [command(), *sys.argv[1:]]
    except NotInstalled as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    if os.name == "nt":
        # Windows cannot replace a process.
        return subprocess.call(words)
    os.execv(words[0], words)


if __name__ == "__main__":
    sys.exit(main())
