"""`goldwire check` as a function."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Iterator, Optional, Sequence, Union

from ._command import command
from ._errors import CouldNotJudge, Deviates, GoldwireError, NothingSelected, OnlyProposals, Unusable
from ._report import Report

#: How long an interrupted command may take before it is told to stop. A terminal tells it at the same moment as this process,
#: and a second signal makes it exit without stopping the server that it started.
_GRACE_SECONDS = 3.0


def goldens(directory: Union[str, os.PathLike[str]] = ".") -> list[str]:
    """The names of the sessions that have an accepted golden, sorted. Proposals are not among them."""
    return sorted(path.stem for path in Path(directory, "golden").glob("*.toml"))


def check(
    session: str,
    *,
    url: Optional[str] = None,
    users: Optional[int] = None,
    runs: Optional[int] = None,
    target: Optional[str] = None,
    strict: bool = False,
    directory: Union[str, os.PathLike[str]] = ".",
    arguments: Sequence[str] = (),
) -> Report:
    """Plays a session against a live server and judges it by its golden.

    `directory` is the project: the folder of `goldwire.toml` and `golden/`. With `url`, goldwire connects to this server and
    starts none. `arguments` are further options of `goldwire check`, such as `["--variable", "room=7"]`.

    Returns the report if the session conforms, or drifts without `strict`. Raises `Deviates`, whose text is the diff;
    `CouldNotJudge` if nothing was judged; `Unusable` for bad usage or a file that cannot be read.
    """
    __tracebackhide__ = True
    options: list[str] = []
    for name, value in (("--url", url), ("--users", users), ("--runs", runs), ("--target", target)):
        if value is not None:
            options += [name, str(value)]
    if strict:
        options.append("--strict")
    project = Path(directory).resolve()
    if not project.is_dir():
        raise Unusable(f"the folder {project} does not exist")
    words = [command(), "check", session, *options, "--color", "never"]
    # A report of its own: pytest-xdist runs checks at the same time.
    with tempfile.TemporaryDirectory(prefix="goldwire-") as folder:
        path = Path(folder, "report.json")
        # A list of arguments may end with `--offline FILE …`, which would take what follows.
        words += ["--report-json", str(path), *arguments]
        with _turn(project, is_needed=url is None):
            code, text, log = _run(words, project)
        try:
            found: Any = json.loads(path.read_text(encoding="utf-8"))
        except (OSError, ValueError):
            found = None
    return _result(session, code, text.rstrip(), log.rstrip(), found, project)


def _result(session: str, code: int, text: str, log: str, found: Any, project: Path) -> Report:
    __tracebackhide__ = True
    report = None
    if isinstance(found, dict) and found.get("goldwire_report") == 1 and "unfinished" not in found:
        report = Report._of(found, directory=project, text=text, log=log)
    if code == 0:
        if report is None:
            raise GoldwireError(f"goldwire passed without a report\n{text}\n{log}", exit_code=code, log=log)
        # `--shard` may leave the session to another job.
        if report.verdict not in ("conforms", "drift") or all(run.session != session for run in report.runs):
            raise CouldNotJudge(
                f"{session} was not judged: {report.verdict}\n{text}", exit_code=code, report=report, log=log
            )
        return report
    kind = {1: Deviates, 2: Unusable, 3: CouldNotJudge, 4: NothingSelected, 5: OnlyProposals, 130: CouldNotJudge}.get(
        code, CouldNotJudge if code < 0 else GoldwireError
    )
    parts = [text, _error_of(log)]
    if code == 130 or code < 0:
        parts.append("the check was interrupted" if code == 130 else f"signal {-code} ended the check")
    said = "\n".join(part for part in parts if part) or log or f"goldwire exited with {code} and said nothing"
    raise kind(said, exit_code=code, report=report, log=log)


def _error_of(log: str) -> str:
    """The error at the end of stderr, without the progress before it."""
    lines = log.splitlines()
    starts = [index for index, line in enumerate(lines) if line.startswith("error:")]
    return "\n".join(lines[starts[0] :]) if starts else ""


def _run(words: Sequence[str], directory: Path) -> tuple[int, str, str]:
    process = subprocess.Popen(
        words,
        cwd=directory,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        encoding="utf-8",
        errors="replace",
    )
    try:
        text, log = process.communicate()
    except BaseException:
        # Ctrl-C, or a test's timeout: goldwire stops the server that it started, so wait for it.
        try:
            process.communicate(timeout=_GRACE_SECONDS)
        except subprocess.TimeoutExpired:
            process.terminate()
            try:
                process.communicate(timeout=_GRACE_SECONDS)
            except subprocess.TimeoutExpired:
                process.kill()
                process.communicate()
        raise
    return process.returncode, text, log


@contextmanager
def _turn(project: Path, *, is_needed: bool) -> Iterator[None]:
    """Waits until no other process of this kind checks the same project with a server that goldwire starts.

    Two such checks would build in one folder at the same time, and write one log, in which `ready_line` is looked for.
    """
    if not is_needed:
        yield
        return
    folder = project / "target" / "goldwire"
    folder.mkdir(parents=True, exist_ok=True)
    with open(folder / "python.lock", "a+b") as file:
        _lock(file.fileno())
        # Closing the file releases the lock, and so does the end of the process.
        yield


if sys.platform == "win32":
    import errno
    import msvcrt

    def _lock(file: int) -> None:
        while True:
            try:
                # It tries for ten seconds by itself.
                msvcrt.locking(file, msvcrt.LK_LOCK, 1)
                return
            except OSError as error:
                if error.errno not in (errno.EACCES, errno.EDEADLK):
                    raise

else:
    import fcntl

    def _lock(file: int) -> None:
        fcntl.flock(file, fcntl.LOCK_EX)
