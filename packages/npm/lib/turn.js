'use strict';
// Checks of one project take turns if goldwire starts the server. Two at the same time would build in one folder, and write
// one log, in which `ready_line` is looked for. Vitest and jest run test files in several processes and threads, so the turn
// is a file. Node has no locks that end with their process; the owner of the file touches it while it works.

const fs = require('node:fs/promises');
const path = require('node:path');

const POLL_MS = 50;
const TOUCH_MS = 1_000;
const ABANDONED_MS = 15_000;

/** Runs `work` when no other check of the project runs. */
async function inTurn(project, signal, work) {
  const folder = path.join(project, 'target', 'goldwire');
  const lock = path.join(folder, 'node.lock');
  await fs.mkdir(folder, { recursive: true });
  while (!(await taken(lock))) {
    await removeIfAbandoned(lock);
    await new Promise((resolve) => setTimeout(resolve, POLL_MS));
    signal?.throwIfAborted();
  }
  const touch = setInterval(() => {
    const now = new Date();
    fs.utimes(lock, now, now).catch(() => {});
  }, TOUCH_MS);
  try {
    return await work();
  } finally {
    clearInterval(touch);
    await fs.rm(lock, { force: true });
  }
}

async function taken(lock) {
  try {
    await (await fs.open(lock, 'wx')).close();
    return true;
  } catch (error) {
    // Windows says EPERM while another process removes the file.
    if (error.code === 'EEXIST' || error.code === 'EPERM') return false;
    throw error;
  }
}

/** Removes the lock of a process that was killed. */
async function removeIfAbandoned(lock) {
  try {
    const { mtimeMs } = await fs.stat(lock);
    if (Date.now() - mtimeMs > ABANDONED_MS) await fs.rm(lock, { force: true });
  } catch (error) {
    if (error.code !== 'ENOENT') throw error;
  }
}

module.exports = { inTurn };
