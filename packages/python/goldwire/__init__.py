"""goldwire: checks of a live WebSocket or HTTP-streaming server against recorded sessions.

:func:`check` runs the command `goldwire check` and returns its report. If the server behaves differently, :class:`Deviates`
has the readable diff as its text. A check that could not run never passes: it raises :class:`CouldNotCheck`.
"""

from __future__ import annotations

from ._command import CouldNotCheck, Deviates, Report, Verdict, binary, check

__all__ = ["CouldNotCheck", "Deviates", "Report", "Verdict", "binary", "check"]
