"""What a check can end with, other than a report.

The classes follow the exit codes of the command, because each needs another reaction.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Optional

if TYPE_CHECKING:
    from ._report import Report


class GoldwireError(Exception):
    """A check that did not pass. Its text is what the command printed for a person.

    This class itself means an error in goldwire: exit code 70, or a report that cannot be read.
    """

    def __init__(
        self, text: str, *, exit_code: Optional[int] = None, report: Optional[Report] = None, log: str = ""
    ) -> None:
        super().__init__(text)
        #: The exit code of the command; `None` if it did not run. A negative number is the signal that ended it.
        self.exit_code = exit_code
        #: The report, if something was judged.
        self.report = report
        #: What the command printed to stderr: its progress and its warnings.
        self.log = log


class Deviates(GoldwireError, AssertionError):
    """The server deviates from the golden, or drifts in a strict check. The text is the diff."""


class CouldNotJudge(GoldwireError):
    """There was nothing to judge: no connection, a refused login, a server that died, no golden, an interrupted check."""


class NothingSelected(CouldNotJudge):
    """There is no golden of this name."""


class OnlyProposals(CouldNotJudge):
    """There is only a proposal that nobody accepted yet."""


class Unusable(GoldwireError):
    """Bad usage, or a file that cannot be read."""


class NotInstalled(Unusable):
    """There is no command `goldwire`."""
