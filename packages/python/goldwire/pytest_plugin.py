"""The pytest plugin: goldens are tests, and a fixture checks one session.

``pytest --goldwire`` collects every ``golden/NAME.toml`` beside a ``goldwire.toml``. The failure of such a test is the diff
that goldwire prints. Works with pytest-xdist: each check has a server process, users and a report of its own.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Optional, Protocol

import pytest

from ._command import CouldNotCheck, Deviates, Report, check

_MARKER = "goldwire(url=None, target=None, users=None, runs=None, strict=False): how `goldwire_check` checks by default"
_OPTIONS = ("url", "target", "users", "runs", "strict")


class GoldwireCheck(Protocol):
    """The type of the fixture `goldwire_check`."""

    def __call__(self, *sessions: str, **options: Any) -> Report: ...


def pytest_addoption(parser: pytest.Parser) -> None:
    group = parser.getgroup("goldwire", "checks of a live server against recorded sessions")
    group.addoption("--goldwire", action="store_true", help="collect the goldens of the project as tests")
    group.addoption("--goldwire-url", metavar="URL", help="connect to this URL; no server is started")
    group.addoption("--goldwire-target", metavar="NAME", help="the [target.NAME] of goldwire.toml")
    group.addoption("--goldwire-users", metavar="M", type=int, help="the number of concurrent users")
    group.addoption("--goldwire-runs", metavar="N", type=int, help="the number of rounds")
    group.addoption("--goldwire-strict", action="store_true", help="drift fails, too")


def pytest_configure(config: pytest.Config) -> None:
    config.addinivalue_line("markers", _MARKER)


def _asked(config: pytest.Config) -> dict[str, Any]:
    """What the command line of pytest says."""
    values = {name: config.getoption(f"goldwire_{name}") for name in _OPTIONS}
    return {name: value for name, value in values.items() if value}


def pytest_collect_file(file_path: Path, parent: pytest.Collector) -> Optional[GoldenFile]:
    is_golden = (
        file_path.suffix == ".toml"
        and file_path.parent.name == "golden"
        and (file_path.parent.parent / "goldwire.toml").is_file()
    )
    if not is_golden or not parent.config.getoption("goldwire"):
        return None
    golden: GoldenFile = GoldenFile.from_parent(parent, path=file_path)
    return golden


class GoldenFile(pytest.File):
    """A golden: one test."""

    def collect(self) -> Iterator[pytest.Item]:
        yield GoldenItem.from_parent(self, name=self.path.stem)


class GoldenItem(pytest.Item):
    """The check of one golden."""

    def runtest(self) -> None:
        report = check(self.name, directory=self.path.parent.parent, **_asked(self.config))
        self.add_report_section("call", "goldwire", report.text)

    def repr_failure(self, excinfo: pytest.ExceptionInfo[BaseException], style: Any = None) -> Any:
        # The diff says everything; where Python was says nothing.
        if isinstance(excinfo.value, (Deviates, CouldNotCheck)):
            return str(excinfo.value)
        return super().repr_failure(excinfo, style)

    def reportinfo(self) -> tuple[os.PathLike[str], Optional[int], str]:
        return self.path, None, f"goldwire: {self.name}"


@pytest.fixture
def goldwire_check(request: pytest.FixtureRequest) -> GoldwireCheck:
    """Checks sessions: ``goldwire_check("chat", url=server.url)``. A difference fails the test with the diff.

    Options come from the call, then from the command line, then from the marker ``goldwire``.
    """
    marker = request.node.get_closest_marker("goldwire")
    defaults: dict[str, Any] = {**(marker.kwargs if marker else {}), **_asked(request.config)}
    unknown = sorted(set(defaults) - set(_OPTIONS) - {"directory", "arguments"})
    if unknown:
        raise pytest.UsageError(f"the marker goldwire has no option {', '.join(unknown)}")

    def run(*sessions: str, **options: Any) -> Report:
        __tracebackhide__ = True
        try:
            return check(*sessions, **{"directory": request.config.rootpath, **defaults, **options})
        except Deviates as error:
            pytest.fail(str(error), pytrace=False)

    return run
