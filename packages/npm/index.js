'use strict';

const { spawn } = require('node:child_process');
const { mkdtemp, readFile, rm } = require('node:fs/promises');
const { tmpdir } = require('node:os');
const path = require('node:path');

// The exit codes of `goldwire check` (docs/VERDICTS.md).
const PASSED = 0;
const DEVIATES = 1;
const REASONS = {
  2: 'bad usage, or a file that cannot be read',
  3: 'the server could not be judged',
  4: 'nothing was selected',
  5: 'there are only proposals that nobody accepted',
  70: 'an error in goldwire itself',
  130: 'interrupted',
};

class GoldwireDeviation extends Error {
  constructor(report) {
    super(report.text);
    this.name = 'GoldwireDeviation';
    // Test runners print the fields of an error, and the message has the diff already.
    Object.defineProperty(this, 'report', { value: report });
    // The diff says everything; where JavaScript was says nothing.
    this.stack = `${this.name}: ${report.text}`;
  }
}

class GoldwireError extends Error {
  constructor(code, text) {
    super(`goldwire exited with ${code}: ${REASONS[code] ?? 'the command did not run'}\n${text}`.trimEnd());
    this.name = 'GoldwireError';
    this.code = code;
  }
}

function binary() {
  if (process.env.GOLDWIRE_BINARY) return process.env.GOLDWIRE_BINARY;
  const own = `@goldwire/${process.platform}-${process.arch}`;
  const file = process.platform === 'win32' ? 'goldwire.exe' : 'goldwire';
  try {
    return path.join(path.dirname(require.resolve(`${own}/package.json`)), file);
  } catch (cause) {
    throw new Error(`the package ${own} is not installed; GOLDWIRE_BINARY can name the command`, { cause });
  }
}

function run(command, options) {
  return new Promise((resolve, reject) => {
    const child = spawn(command[0], command.slice(1), { ...options, stdio: ['ignore', 'pipe', 'pipe'] });
    const said = { stdout: '', stderr: '' };
    for (const stream of ['stdout', 'stderr']) {
      child[stream].setEncoding('utf8').on('data', (text) => (said[stream] += text));
    }
    child.on('error', reject);
    child.on('close', (code, signal) => resolve({ code: code ?? signal, ...said }));
  });
}

async function check(sessions, options = {}) {
  const { url, target, users, runs, strict = false, directory, arguments: others = [] } = options;
  const command = [binary(), 'check', ...(Array.isArray(sessions) ? sessions : [sessions])];
  for (const [option, value] of Object.entries({ url, target, users, runs })) {
    if (value !== undefined) command.push(`--${option}=${value}`);
  }
  if (strict) command.push('--strict');
  command.push(...others);
  // A file of its own for each check: several checks may run at the same time.
  const folder = await mkdtemp(path.join(tmpdir(), 'goldwire-'));
  try {
    const file = path.join(folder, 'report.json');
    const { code, stdout, stderr } = await run([...command, `--report-json=${file}`], { cwd: directory });
    if (code !== PASSED && code !== DEVIATES) throw new GoldwireError(code, stdout + stderr);
    const data = JSON.parse(await readFile(file, 'utf8'));
    const report = { verdict: data.verdict, text: stdout.trim(), data };
    if (code === DEVIATES) throw new GoldwireDeviation(report);
    return report;
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

module.exports = { GoldwireDeviation, GoldwireError, binary, check };
