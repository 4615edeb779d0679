/** The verdict of a run, and of a check: the worst of its runs. */
export type Verdict = 'conforms' | 'drift' | 'deviates' | 'could not judge';

export interface CheckOptions {
  /** Connect to this server, and start none. */
  url?: string;
  /** The number of concurrent users. */
  users?: number;
  /** The number of rounds, judged together. */
  runs?: number;
  /** The `[target.NAME]` of goldwire.toml. */
  target?: string;
  /** Also fail on drift. */
  strict?: boolean;
  /** The project: the folder of goldwire.toml and golden/. Without it, the working directory. */
  directory?: string;
  /** Further options of `goldwire check`, such as `['--variable', 'room=7']`. */
  arguments?: readonly string[];
  /** Stops the check, such as the `signal` of a test that timed out. */
  signal?: AbortSignal;
}

/** One difference between a run and its golden. */
export interface Finding {
  /** The stable name, such as `missing`. */
  kind: string;
  family: 'order' | 'shape' | 'binding' | 'timing' | 'ending' | 'liveness' | 'auth' | 'isolation';
  severity: 'deviation' | 'suspect';
  event: string;
  message: string;
  /** How often the contradicted statement held, in how many recordings. */
  evidence: string;
  expected: string | undefined;
  actual: string | undefined;
  hint: string | undefined;
  /** The place in the payload, as a JSON pointer. */
  path: string | undefined;
}

/** One session of one user. */
export interface Run {
  session: string;
  user: string;
  round: number;
  verdict: Verdict;
  /** The file of the recording. */
  recording: string;
  /** The number of events. */
  events: number;
  /** The time from the start to the end of the session, in nanoseconds. */
  tookNs: number;
  findings: Finding[];
  /** The cause, if the run could not be judged. */
  couldNotJudge: string | undefined;
}

export interface Report {
  verdict: Verdict;
  runs: Run[];
  /** The findings of all runs. */
  findings: Finding[];
  /** What the command printed for a person. */
  text: string;
  /** What the command printed to stderr: its progress and its warnings. */
  log: string;
  /** The whole report; `goldwire schema report` describes it. */
  json: Record<string, unknown>;
}

/** A check that did not pass. The message is what the command printed for a person. The class itself means an error in goldwire. */
export class GoldwireError extends Error {
  /** The exit code of the command; `null` if it did not run or a signal ended it. */
  readonly exitCode: number | null;
  /** The report, if something was judged. */
  readonly report: Report | null;
  /** What the command printed to stderr. */
  readonly log: string;
}

/** The server deviates from the golden, or drifts in a strict check. The message is the diff. */
export class GoldwireDeviation extends GoldwireError {}

/** There was nothing to judge: no connection, a refused login, a server that died, no golden, an aborted check. */
export class GoldwireCouldNotJudge extends GoldwireError {}

/** Bad usage, or a file that cannot be read; also a command that is not installed. */
export class GoldwireUnusable extends GoldwireError {}

/**
 * Plays a session against a live server and judges it by its golden.
 *
 * Resolves if the session conforms, or drifts without `strict`. Rejects with a `GoldwireDeviation` whose message is the diff, a
 * `GoldwireCouldNotJudge` if nothing was judged, or a `GoldwireUnusable`.
 */
export function check(session: string, options?: CheckOptions): Promise<Report>;

/** The path of the command; throws if there is none for this platform. */
export function binary(): string;
