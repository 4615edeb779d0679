'use strict';
// `goldwire check` as a function.

const { spawn } = require('node:child_process');
const fs = require('node:fs/promises');
const os = require('node:os');
const path = require('node:path');
const { binary } = require('./binary.js');
const { GoldwireCouldNotJudge, GoldwireDeviation, GoldwireError, GoldwireUnusable } = require('./errors.js');
const { inTurn } = require('./turn.js');

const OPTIONS = ['url', 'users', 'runs', 'target', 'strict', 'directory', 'arguments', 'signal'];
const KINDS = {
  1: GoldwireDeviation,
  2: GoldwireUnusable,
  3: GoldwireCouldNotJudge,
  4: GoldwireCouldNotJudge,
  5: GoldwireCouldNotJudge,
  130: GoldwireCouldNotJudge,
};

/** Plays a session against a live server and judges it by its golden; index.d.ts explains the options. */
async function check(session, options = {}) {
  // An error from a process has no frames of its own: it shows where the check was called.
  const place = {};
  Error.captureStackTrace(place, check);
  try {
    return await checked(session, options);
  } catch (error) {
    if (error instanceof GoldwireError) {
      error.stack = `${error.name}: ${error.message}\n${place.stack.split('\n').slice(1).join('\n')}`;
    }
    throw error;
  }
}

async function checked(session, options) {
  const unknown = Object.keys(options).filter((name) => !OPTIONS.includes(name));
  if (typeof session !== 'string' || unknown.length > 0) {
    const what = unknown.length > 0 ? `unknown options: ${unknown.join(', ')}` : 'the session is a name';
    throw new GoldwireUnusable(`check: ${what}; known options: ${OPTIONS.join(', ')}`);
  }
  const { url, users, runs, target, strict = false, directory = '.', arguments: rest = [], signal } = options;
  const words = ['check', session];
  for (const [name, value] of Object.entries({ url, users, runs, target })) {
    if (value !== undefined) words.push(`--${name}`, String(value));
  }
  if (strict) words.push('--strict');
  let program;
  try {
    program = binary();
  } catch (error) {
    throw new GoldwireUnusable(error.message);
  }
  const project = path.resolve(directory);
  if (!(await fs.stat(project).catch(() => null))?.isDirectory()) {
    throw new GoldwireUnusable(`the folder ${project} does not exist`);
  }
  // A report of its own: test runners check in several processes at the same time.
  const folder = await fs.mkdtemp(path.join(os.tmpdir(), 'goldwire-'));
  try {
    const report = path.join(folder, 'report.json');
    // A list of arguments may end with `--offline FILE …`, which would take what follows.
    words.push('--color', 'never', '--report-json', report, ...rest);
    const work = () => run(program, words, project, signal);
    const ended = url === undefined ? await inTurn(project, signal, work) : await work();
    return result(session, ended, await json(report), project);
  } catch (error) {
    if (signal?.aborted && !(error instanceof GoldwireError)) {
      throw new GoldwireCouldNotJudge('the check was aborted');
    }
    throw error;
  } finally {
    await fs.rm(folder, { recursive: true, force: true });
  }
}

/** What the command printed, and how it ended. */
function run(program, words, cwd, signal) {
  return new Promise((resolve, reject) => {
    signal?.throwIfAborted();
    const child = spawn(program, words, { cwd, stdio: ['ignore', 'pipe', 'pipe'] });
    // SIGTERM lets goldwire stop the server that it started.
    const stop = () => child.kill('SIGTERM');
    signal?.addEventListener('abort', stop);
    const texts = { stdout: '', stderr: '' };
    for (const name of ['stdout', 'stderr']) {
      child[name].setEncoding('utf8').on('data', (text) => {
        texts[name] += text;
      });
    }
    child.on('error', (error) => {
      signal?.removeEventListener('abort', stop);
      reject(new GoldwireUnusable(`failed to run ${program}: ${error.message}`));
    });
    child.on('close', (code, ending) => {
      signal?.removeEventListener('abort', stop);
      resolve({ code, ending, text: texts.stdout.trimEnd(), log: texts.stderr.trimEnd() });
    });
  });
}

async function json(file) {
  try {
    return JSON.parse(await fs.readFile(file, 'utf8'));
  } catch {
    // The command failed before it could write a report.
    return null;
  }
}

function result(session, { code, ending, text, log }, found, project) {
  const isComplete = found?.goldwire_report === 1 && found.unfinished === undefined;
  const report = isComplete ? typed(found, text, log, project) : null;
  const more = { exitCode: code, report, log };
  if (code === 0) {
    if (report === null) throw new GoldwireError(`goldwire passed without a report\n${text}\n${log}`, more);
    // `--shard` may leave the session to another job.
    const isJudged = ['conforms', 'drift'].includes(report.verdict) && report.runs.some((run) => run.session === session);
    if (!isJudged) throw new GoldwireCouldNotJudge(`${session} was not judged: ${report.verdict}\n${text}`, more);
    return report;
  }
  const Kind = code === null ? GoldwireCouldNotJudge : (KINDS[code] ?? GoldwireError);
  const parts = [text, log.match(/^error:[^]*/m)?.[0]];
  if (code === 130) parts.push('the check was interrupted');
  if (code === null) parts.push(`${ending} ended the check`);
  const said = parts.filter(Boolean).join('\n') || log || `goldwire exited with ${code} and said nothing`;
  throw new Kind(said, more);
}

/** The report, in the names of index.d.ts. */
function typed(found, text, log, project) {
  const runs = found.runs.map((run) => ({
    session: run.session,
    user: run.user,
    round: run.round,
    verdict: run.verdict,
    recording: path.resolve(project, run.recording),
    events: run.events,
    tookNs: run.took_ns,
    couldNotJudge: run.could_not_judge?.cause,
    findings: run.findings.map((finding) => ({
      kind: finding.kind,
      family: finding.family,
      severity: finding.severity,
      event: finding.event,
      message: finding.message,
      evidence: finding.evidence,
      expected: finding.expected,
      actual: finding.actual,
      hint: finding.hint,
      path: finding.path,
    })),
  }));
  return { verdict: found.verdict, runs, findings: runs.flatMap((run) => run.findings), text, log, json: found };
}

module.exports = { check };
