'use strict';
// What a check can end with, other than a report. The classes follow the exit codes of the command, because each needs
// another reaction.

/** A check that did not pass. The message is what the command printed for a person. */
class GoldwireError extends Error {
  constructor(message, { exitCode = null, report = null, log = '' } = {}) {
    super(message);
    this.exitCode = exitCode;
    this.report = report;
    this.log = log;
    // A test runner prints the properties of an error below its message, and the report is long.
    for (const name of ['exitCode', 'report', 'log']) {
      Object.defineProperty(this, name, { enumerable: false });
    }
  }
}

/** The server deviates from the golden, or drifts in a strict check. */
class GoldwireDeviation extends GoldwireError {}

/** There was nothing to judge: no connection, a refused login, a server that died, no golden, an aborted check. */
class GoldwireCouldNotJudge extends GoldwireError {}

/** Bad usage, or a file that cannot be read; also a command that is not installed. */
class GoldwireUnusable extends GoldwireError {}

for (const kind of [GoldwireError, GoldwireDeviation, GoldwireCouldNotJudge, GoldwireUnusable]) {
  Object.defineProperty(kind.prototype, 'name', { value: kind.name, configurable: true, writable: true });
}

module.exports = { GoldwireError, GoldwireDeviation, GoldwireCouldNotJudge, GoldwireUnusable };
