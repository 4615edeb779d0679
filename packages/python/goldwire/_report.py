"""The JSON report of a check, typed.

The classes have what a test asks for; `Report.json` has everything. `goldwire schema report` describes it.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Mapping, Optional


@dataclass(frozen=True)
class Finding:
    """One difference between a run and its golden."""

    #: The stable name, such as `missing`; `docs/VERDICTS.md` explains all of them.
    kind: str
    #: `order`, `shape`, `binding`, `timing`, `ending`, `liveness`, `auth` or `isolation`.
    family: str
    #: `deviation` or `suspect`.
    severity: str
    event: str
    message: str
    #: How often the contradicted statement held, in how many recordings.
    evidence: str
    expected: Optional[str] = None
    actual: Optional[str] = None
    hint: Optional[str] = None
    #: The place in the payload, as a JSON pointer.
    path: Optional[str] = None

    @classmethod
    def _of(cls, json: Mapping[str, Any]) -> Finding:
        return cls(
            kind=json["kind"],
            family=json["family"],
            severity=json["severity"],
            event=json["event"],
            message=json["message"],
            evidence=json["evidence"],
            expected=json.get("expected"),
            actual=json.get("actual"),
            hint=json.get("hint"),
            path=json.get("path"),
        )


@dataclass(frozen=True)
class Run:
    """One session of one user."""

    session: str
    user: str
    round: int
    #: `conforms`, `drift`, `deviates` or `could not judge`.
    verdict: str
    #: The recording of the run.
    recording: Path
    #: The number of events.
    events: int
    #: The time from the start to the end of the session, in nanoseconds.
    took_ns: int
    findings: tuple[Finding, ...] = ()
    #: The cause, if the run could not be judged.
    could_not_judge: Optional[str] = None

    @classmethod
    def _of(cls, json: Mapping[str, Any], directory: Path) -> Run:
        cause = json.get("could_not_judge")
        return cls(
            session=json["session"],
            user=json["user"],
            round=json["round"],
            verdict=json["verdict"],
            recording=directory / json["recording"],
            events=json["events"],
            took_ns=json["took_ns"],
            findings=tuple(Finding._of(finding) for finding in json["findings"]),
            could_not_judge=None if cause is None else cause["cause"],
        )


@dataclass(frozen=True)
class Report:
    """The result of a check."""

    #: `conforms`, `drift`, `deviates` or `could not judge`: the worst verdict of all runs.
    verdict: str
    runs: tuple[Run, ...]
    #: What the command printed for a person.
    text: str
    #: What the command printed to stderr: its progress and its warnings.
    log: str
    #: The whole report.
    json: Mapping[str, Any] = field(repr=False)

    @property
    def findings(self) -> tuple[Finding, ...]:
        """The findings of all runs."""
        return tuple(finding for run in self.runs for finding in run.findings)

    @classmethod
    def _of(cls, json: Mapping[str, Any], *, directory: Path, text: str, log: str) -> Report:
        return cls(
            verdict=json["verdict"],
            runs=tuple(Run._of(run, directory) for run in json["runs"]),
            text=text,
            log=log,
            json=json,
        )
