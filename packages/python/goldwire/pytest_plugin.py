"""The plugin for pytest: goldens as tests, the fixture `goldwire_check` and the marker `goldwire`.

`pytest --goldwire` collects every `golden/NAME.toml` of the project as the test `golden/NAME.toml::NAME`.
"""

from __future__ import annotations

import os
import warnings
from pathlib import Path
from typing import Any, Generator, Iterable, Optional, Sequence, Union

import pytest

from . import _check
from ._errors import GoldwireError
from ._report import Report


class GoldwireDrift(pytest.PytestWarning):
    """A session drifts: something is new, or contradicts weak evidence. `strict` makes it fail."""


def pytest_addoption(parser: pytest.Parser) -> None:
    group = parser.getgroup("goldwire", "goldwire: checks of live servers")
    group.addoption("--goldwire", action="store_true", help="collect the goldens of the project as tests")
    group.addoption("--goldwire-url", metavar="URL", help="check this server, and start none")
    group.addoption("--goldwire-users", metavar="M", type=int, help="the number of concurrent users")
    group.addoption("--goldwire-runs", metavar="N", type=int, help="the number of rounds, judged together")
    group.addoption("--goldwire-target", metavar="NAME", help="the [target.NAME] of goldwire.toml")
    group.addoption("--goldwire-strict", action="store_true", help="also fail on drift")
    group.addoption(
        "--goldwire-directory",
        metavar="DIR",
        help="the project: the folder of goldwire.toml (default: the nearest one above, or rootdir)",
    )


def pytest_configure(config: pytest.Config) -> None:
    config.addinivalue_line(
        "markers",
        "goldwire(url=…, users=…, runs=…, target=…, strict=…, directory=…, arguments=…): "
        "defaults of the fixture goldwire_check",
    )
    # The workers of pytest-xdist get the options of this process: they must mean the same folder.
    config.option.goldwire_directory = str(_project(config))
    if not config.getoption("--goldwire"):
        return
    if config.args_source is pytest.Config.ArgsSource.ARGS:
        # Paths in the command line choose what runs, as for every other test.
        return
    folder = _project(config) / "golden"
    if not _check.goldens(folder.parent):
        pending = sorted(path.name for path in folder.glob("*.toml.new"))
        why = f"only proposals that nobody accepted: {', '.join(pending)}" if pending else "no golden"
        raise pytest.UsageError(f"--goldwire: {folder} has {why}")
    config.option.goldwire_all = True
    # `testpaths` seldom names the goldens. A folder below another argument must not be one itself: pytest 8 then loses tests.
    if not any(path == folder or path in folder.parents for path in _paths(config)):
        config.args = [*config.args, str(folder)]


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(config: pytest.Config, items: Sequence[pytest.Item]) -> None:
    if not getattr(config.option, "goldwire_all", False):
        return
    # `norecursedirs` or a conftest.py may hide the folder.
    collected = {item.name for item in items if isinstance(item, GoldenItem)}
    missing = [name for name in _check.goldens(_project(config)) if name not in collected]
    if missing:
        raise pytest.UsageError(f"--goldwire: pytest did not collect the goldens {', '.join(missing)}")


def pytest_report_header(config: pytest.Config) -> Optional[str]:
    if not config.getoption("--goldwire"):
        return None
    project = _project(config)
    names = ", ".join(_check.goldens(project)) or "none"
    return f"goldwire: {project}, goldens: {names}"


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter, config: pytest.Config) -> None:
    if not config.getoption("--goldwire") or config.args_source is not pytest.Config.ArgsSource.ARGS:
        return
    golden = _project(config) / "golden"
    if not any(golden == path or path in golden.parents or golden in path.parents for path in _paths(config)):
        terminalreporter.write_line("goldwire: no golden was checked: the command line names other paths", yellow=True)


def pytest_collect_file(file_path: Path, parent: pytest.Collector) -> Optional[pytest.Collector]:
    config = parent.config
    if not config.getoption("--goldwire") or file_path.suffix != ".toml":
        return None
    if file_path.parent != _project(config) / "golden":
        return None
    return GoldenFile.from_parent(parent, path=file_path)


class GoldenFile(pytest.File):
    """A golden."""

    def collect(self) -> Iterable[pytest.Item]:
        yield GoldenItem.from_parent(self, name=self.path.stem)


class GoldenItem(pytest.Item):
    """The check of a golden."""

    def runtest(self) -> None:
        report = _check.check(self.name, **_options(self.config))
        self.add_report_section("call", "goldwire", report.text)
        if report.verdict == "drift":
            self.warn(GoldwireDrift(report.text))

    def repr_failure(self, excinfo: pytest.ExceptionInfo[BaseException], style: Any = None) -> Any:
        if isinstance(excinfo.value, GoldwireError):
            return _shown(excinfo, excinfo.value)
        return super().repr_failure(excinfo, style)

    def reportinfo(self) -> tuple[Path, Optional[int], str]:
        return self.path, None, f"golden: {self.name}"


class GoldwireCheck:
    """The fixture `goldwire_check`: `goldwire.check` with the defaults of the marker and of the command line."""

    def __init__(self, node: pytest.Item) -> None:
        self._node = node

    def __call__(
        self,
        session: str,
        *,
        url: Optional[str] = None,
        users: Optional[int] = None,
        runs: Optional[int] = None,
        target: Optional[str] = None,
        strict: Optional[bool] = None,
        directory: Union[str, os.PathLike[str], None] = None,
        arguments: Optional[Sequence[str]] = None,
    ) -> Report:
        __tracebackhide__ = True
        options = _options(self._node.config)
        # The nearest marker is the first one.
        for marker in reversed(list(self._node.iter_markers("goldwire"))):
            unknown = sorted(set(marker.kwargs) - _NAMES)
            if unknown or marker.args:
                raise pytest.UsageError(
                    f"the marker goldwire takes {', '.join(sorted(_NAMES))} by name, "
                    f"not {', '.join(unknown) or marker.args}"
                )
            options.update(marker.kwargs)
        given = dict(
            url=url,
            users=users,
            runs=runs,
            target=target,
            strict=strict,
            directory=directory,
            arguments=arguments,
        )
        options.update({name: value for name, value in given.items() if value is not None})
        report = _check.check(session, **options)
        if report.verdict == "drift":
            warnings.warn(GoldwireDrift(report.text), stacklevel=2)
        return report


_NAMES = {"url", "users", "runs", "target", "strict", "directory", "arguments"}


@pytest.fixture
def goldwire_check(request: pytest.FixtureRequest) -> GoldwireCheck:
    """Checks a session: `goldwire_check("chat", url=server.url)`."""
    return GoldwireCheck(request.node)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item, call: pytest.CallInfo[None]
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    report = yield
    # The diff says what is wrong; a traceback around it only shows the line of the check. `--tb` still asks for one.
    if (
        report.failed
        and call.excinfo is not None
        and isinstance(call.excinfo.value, GoldwireError)
        and item.config.getoption("tbstyle") == "auto"
    ):
        report.longrepr = _shown(call.excinfo, call.excinfo.value)
    return report


def _shown(excinfo: pytest.ExceptionInfo[BaseException], error: GoldwireError) -> Any:
    """The text of the command as the failure, without a traceback."""
    shown = excinfo.getrepr(style="value")
    if shown.reprcrash is not None:
        # The line of pytest's summary, and the message in JUnit XML.
        shown.reprcrash.message = _summary(error)
    return shown


def _summary(error: GoldwireError) -> str:
    findings = error.report.findings if error.report is not None else ()
    worst = sorted(findings, key=lambda finding: finding.severity != "deviation")
    if worst:
        return f"{worst[0].family}: {worst[0].message}"
    causes = [run.could_not_judge for run in error.report.runs if run.could_not_judge] if error.report else []
    return causes[0] if causes else str(error).partition("\n")[0]


def _options(config: pytest.Config) -> dict[str, Any]:
    """The options of the command line, as arguments of `check`."""
    return dict(
        url=config.getoption("--goldwire-url"),
        users=config.getoption("--goldwire-users"),
        runs=config.getoption("--goldwire-runs"),
        target=config.getoption("--goldwire-target"),
        strict=config.getoption("--goldwire-strict"),
        directory=_project(config),
    )


def _paths(config: pytest.Config) -> list[Path]:
    """The files and folders that pytest collects."""
    start = config.invocation_params.dir
    return [Path(os.path.abspath(start / argument.partition("::")[0])) for argument in config.args]


def _project(config: pytest.Config) -> Path:
    """The folder of `goldwire.toml`."""
    named: Optional[str] = config.getoption("--goldwire-directory")
    start = config.invocation_params.dir
    if named:
        return Path(os.path.abspath(start / named))
    for folder in (start, *start.parents):
        if (folder / "goldwire.toml").is_file():
            return folder
    return config.rootpath
