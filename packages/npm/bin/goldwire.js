#!/usr/bin/env node
'use strict';
// Runs the command of this platform with the same arguments, streams, signals and exit code.

const { spawn } = require('node:child_process');
const { binary } = require('../lib/binary.js');

/** Bad usage, as the command's own code says it. */
const USAGE = 2;

function run() {
  let program;
  try {
    program = binary();
  } catch (error) {
    console.error(`error: ${error.message}`);
    process.exitCode = USAGE;
    return;
  }
  const child = spawn(program, process.argv.slice(2), { stdio: 'inherit' });
  // A terminal sends Ctrl-C to the command as well. It must not get it twice: a second signal makes it exit without
  // stopping the server that it started.
  const isAtTerminal = process.stdin.isTTY || process.stdout.isTTY || process.stderr.isTTY;
  process.on('SIGINT', () => {
    if (!isAtTerminal) child.kill('SIGINT');
  });
  for (const signal of ['SIGTERM', 'SIGHUP']) {
    process.on(signal, () => child.kill(signal));
  }
  child.on('error', (error) => {
    console.error(`error: failed to run ${program}: ${error.message}`);
    process.exitCode = USAGE;
  });
  child.on('exit', (code, signal) => {
    if (signal === null) {
      process.exitCode = code;
      return;
    }
    // A shell must see that a signal ended it.
    process.removeAllListeners(signal);
    process.kill(process.pid, signal);
  });
}

run();
