"""Runs the command and reads its report."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import sysconfig
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, Union, cast

Verdict = Literal["conforms", "drift", "deviates", "could not judge"]
PathLike = Union[str, "os.PathLike[str]"]

# The exit codes of `goldwire check` (docs/VERDICTS.md).
_PASSED = 0
_DEVIATES = 1
_REASONS = {
    2: "bad usage, or a file that cannot be read",
    3: "the server could not be judged",
    4: "nothing was selected",
    5: "there are only proposals that nobody accepted",
    70: "an error in goldwire itself",
    130: "interrupted",
}


@dataclass(frozen=True)
class Report:
    """The result of a check."""

    #: ``conforms`` or ``drift``; in :class:`Deviates` also ``deviates``.
    verdict: Verdict
    #: What the command printed: one line a session, and a diff of each run that differs.
    text: str
    #: The JSON report; ``goldwire schema report`` prints its schema.
    data: dict[str, Any]


class Deviates(AssertionError):
    """The server behaves differently than its golden says. The text is the diff."""

    def __init__(self, report: Report) -> None:
        super().__init__(report.text)
        #: The whole report.
        self.report = report


class CouldNotCheck(RuntimeError):
    """The check did not run to its end: no server, a refused login, no golden, a bad option."""

    def __init__(self, code: int, text: str) -> None:
        reason = _REASONS.get(code, "the command did not run")
        super().__init__(f"goldwire exited with {code}: {reason}\n{text}".rstrip())
        #: The exit code of the command.
        self.code = code


def binary() -> str:
    """The path of the command: ``GOLDWIRE_BINARY``, the one of this package, or the one on ``PATH``.

    :raises FileNotFoundError: there is none.
    """
    if given := os.environ.get("GOLDWIRE_BINARY"):
        return given
    name = "goldwire.exe" if sys.platform == "win32" else "goldwire"
    # A wheel's scripts are in one of these folders: of the environment, or of the user.
    schemes = [None, sysconfig.get_preferred_scheme("user")] if sys.version_info >= (3, 10) else [None]
    for scheme in schemes:
        folder = sysconfig.get_path("scripts", scheme) if scheme else sysconfig.get_path("scripts")
        own = Path(folder) / name
        if own.is_file():
            return str(own)
    if found := shutil.which("goldwire"):
        return found
    raise FileNotFoundError("the command `goldwire` is not installed; GOLDWIRE_BINARY can name it")


def check(
    *sessions: str,
    url: str | None = None,
    target: str | None = None,
    users: int | None = None,
    runs: int | None = None,
    strict: bool = False,
    directory: PathLike | None = None,
    arguments: Sequence[str] = (),
) -> Report:
    """Checks these sessions against a live build, or all that have a golden.

    :param url: the address to connect to, e.g. ``ws://127.0.0.1:8000/ws``; the target's server is then not started.
    :param target: a ``[target.NAME]`` of ``goldwire.toml``.
    :param users: the number of concurrent users, each with a login of their own.
    :param runs: the number of rounds.
    :param strict: drift fails, too.
    :param directory: the folder with ``goldwire.toml``; the current one if not given.
    :param arguments: further arguments of ``goldwire check``.
    :raises Deviates: the server behaves differently.
    :raises CouldNotCheck: the check did not run to its end.
    """
    command = [binary(), "check", *sessions]
    for option, value in (("--url", url), ("--target", target), ("--users", users), ("--runs", runs)):
        if value is not None:
            command.append(f"{option}={value}")
    if strict:
        command.append("--strict")
    command.extend(arguments)
    # A file of its own for each check: several checks may run at the same time.
    with tempfile.TemporaryDirectory(prefix="goldwire-") as folder:
        path = Path(folder, "report.json")
        command.append(f"--report-json={path}")
        done = subprocess.run(
            command,
            cwd=directory,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            encoding="utf-8",
            errors="replace",
            check=False,
        )
        if done.returncode not in (_PASSED, _DEVIATES):
            raise CouldNotCheck(done.returncode, f"{done.stdout}{done.stderr}")
        try:
            data = cast("dict[str, Any]", json.loads(path.read_text(encoding="utf-8")))
        except (OSError, ValueError) as error:
            raise CouldNotCheck(done.returncode, f"the report cannot be read: {error}\n{done.stderr}") from error
    report = Report(cast(Verdict, data["verdict"]), done.stdout.strip(), data)
    if done.returncode == _DEVIATES:
        raise Deviates(report)
    return report
