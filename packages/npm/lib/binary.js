'use strict';
// The place of the command: GOLDWIRE_BINARY, or the package of this platform.

const fs = require('node:fs');
const path = require('node:path');

const platform = `${process.platform}-${process.arch}`;

/** The path of the command, or an Error that says how to get it. */
function binary() {
  const named = process.env.GOLDWIRE_BINARY;
  if (named) {
    // Another build than the one that was asked for must not be judged in silence.
    if (!fs.existsSync(named)) {
      throw new Error(`GOLDWIRE_BINARY is ${JSON.stringify(named)}, which does not exist`);
    }
    return path.resolve(named);
  }
  const file = process.platform === 'win32' ? 'goldwire.exe' : 'goldwire';
  let manifest;
  try {
    // The manifest is found wherever a package manager puts the package; its folder has the command.
    manifest = require.resolve(`@goldwire/${platform}/package.json`);
  } catch {
    throw new Error(
      `the package @goldwire/${platform} is not installed: it is an optional dependency, which \`--omit=optional\` and some ` +
        'lock files leave out; install it, or name the command in GOLDWIRE_BINARY',
    );
  }
  return path.join(path.dirname(manifest), 'bin', file);
}

module.exports = { binary };
