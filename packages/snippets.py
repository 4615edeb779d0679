#!/usr/bin/env python3
"""The snippets of a page, so that try.sh runs what the page shows.

    snippets.py write PAGE FOLDER             writes the files of a page, and its commands as FOLDER/steps/NAME.sh
    snippets.py shows PAGE NAME OUTPUT        whether the file OUTPUT has the lines that the page shows under NAME

Behind the language of a fence stands `file=PATH`, `name=NAME` for commands, or `shows=NAME` for an output. A block without one
of them is an error: nobody would run it. In an output, `…` is anything, and numbers and ids may differ.
"""

import re
import sys
from pathlib import Path


def blocks(page: str) -> list[tuple[str, str, str]]:
    """The key, the value and the text of each block."""
    found = []
    for fence, text in re.findall(r"^```(\S[^\n]*)\n(.*?)^```$", page, re.MULTILINE | re.DOTALL):
        match = re.fullmatch(r"\S+ (file|name|shows)=(\S+)", fence)
        if match is None:
            sys.exit(f"error: nothing runs the block that begins with: ```{fence}")
        found.append((match[1], match[2], text))
    return found


def write(page: str, folder: Path) -> None:
    for key, value, text in blocks(page):
        if key == "shows":
            continue
        path = folder / value if key == "file" else folder / "steps" / f"{value}.sh"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text if key == "file" else f"set -e\n{text}", encoding="utf-8")


def plain(line: str) -> str:
    """A line without what differs from run to run: words with digits, units behind them, and how much blank there is."""
    words = ["#" if re.search(r"\d", word) else word for word in line.split()]
    return re.sub(r"# (us|ms|s)\b", "#", " ".join(words))


def shows(page: str, name: str, output: str) -> None:
    shown = [text for key, value, text in blocks(page) if key == "shows" and value == name]
    if not shown:
        sys.exit(f"error: the page shows nothing under {name}")
    for text in shown:
        rest = iter(output.splitlines())
        for line in (line.strip() for line in text.splitlines()):
            if line in ("", "…"):
                continue
            start, dots, end = line.partition("…")

            def fits(said: str) -> bool:
                if dots:
                    return said.strip().startswith(start.rstrip()) and said.rstrip().endswith(end.lstrip())
                return plain(said) == plain(line)

            if not any(fits(said) for said in rest):
                sys.exit(f"error: not said, or not there: {line}\nin\n{output}")


def main() -> None:
    match sys.argv[1:]:
        case ["write", page, folder]:
            write(Path(page).read_text(encoding="utf-8"), Path(folder))
        case ["shows", page, name, output]:
            shows(Path(page).read_text(encoding="utf-8"), name, Path(output).read_text(encoding="utf-8"))
        case _:
            sys.exit(__doc__)


if __name__ == "__main__":
    main()
