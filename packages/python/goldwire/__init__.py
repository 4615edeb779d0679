"""Checks a live server against the goldens of a project.

    import goldwire

    report = goldwire.check("chat", url="ws://127.0.0.1:8000/ws", users=3)

The function runs the command `goldwire check` and reads its JSON report. It returns only if the session was judged and
conforms or drifts; every other result is an exception.
"""

from ._check import check, goldens
from ._command import command
from ._errors import (
    CouldNotJudge,
    Deviates,
    GoldwireError,
    NothingSelected,
    NotInstalled,
    OnlyProposals,
    Unusable,
)
from ._report import Finding, Report, Run

__all__ = [
    "CouldNotJudge",
    "Deviates",
    "Finding",
    "GoldwireError",
    "NotInstalled",
    "NothingSelected",
    "OnlyProposals",
    "Report",
    "Run",
    "Unusable",
    "check",
    "command",
    "goldens",
]

# Tracebacks and pytest's summary name the classes as users import them.
for _name in __all__:
    globals()[_name].__module__ = __name__
