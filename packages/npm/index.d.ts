/** How a check runs. */
export interface CheckOptions {
  /** The address to connect to, e.g. `ws://127.0.0.1:8000/ws`. The target's server is then not started. */
  url?: string;
  /** A `[target.NAME]` of `goldwire.toml`. */
  target?: string;
  /** The number of concurrent users, each with a login of their own. */
  users?: number;
  /** The number of rounds. */
  runs?: number;
  /** Drift fails, too. */
  strict?: boolean;
  /** The folder with `goldwire.toml`; the current one if not given. */
  directory?: string;
  /** Further arguments of `goldwire check`. */
  arguments?: string[];
}

/** The result of a check. */
export interface Report {
  verdict: 'conforms' | 'drift' | 'deviates' | 'could not judge';
  /** What the command printed: one line a session, and a diff of each run that differs. */
  text: string;
  /** The JSON report; `goldwire schema report` prints its schema. */
  data: Record<string, unknown>;
}

/** The server behaves differently than its golden says. The message is the diff. */
export class GoldwireDeviation extends Error {
  readonly report: Report;
}

/** The check did not run to its end: no server, a refused login, no golden, a bad option. */
export class GoldwireError extends Error {
  /** The exit code of the command, or the signal that ended it. */
  readonly code: number | string;
}

/**
 * Checks one or several sessions against a live build.
 *
 * @throws {GoldwireDeviation} The server behaves differently.
 * @throws {GoldwireError} The check did not run to its end.
 */
export function check(sessions: string | string[], options?: CheckOptions): Promise<Report>;

/** The path of the command: `GOLDWIRE_BINARY`, or the one of this platform's package. */
export function binary(): string;
