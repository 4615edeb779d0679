#!/usr/bin/env node
// Packs a binary that is already built into the package of its platform, and with --main packs the package `goldwire`.
//
//     node packages/npm/make-platform.mjs --binary target/release/goldwire --platform linux-x64 --out dist
//     node packages/npm/make-platform.mjs --main --out dist
//
// The platform is `process.platform`-`process.arch` of the Node that shall run the binary.

import { execFileSync } from 'node:child_process';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';

const here = path.dirname(fileURLToPath(import.meta.url));
const root = path.resolve(here, '../..');
const main = JSON.parse(fs.readFileSync(path.join(here, 'package.json'), 'utf8'));
const licences = ['LICENSE-APACHE', 'LICENSE-MIT'];
const platforms = Object.keys(main.optionalDependencies).map((name) => name.replace('@goldwire/', ''));

const { values } = parseArgs({
  options: {
    binary: { type: 'string' },
    platform: { type: 'string' },
    main: { type: 'boolean', default: false },
    out: { type: 'string' },
  },
});

function fail(message) {
  console.error(`error: ${message}`);
  process.exit(2);
}

if (!values.out || values.main === Boolean(values.binary && values.platform)) {
  fail('give --binary FILE --platform NAME --out DIR, or --main --out DIR');
}
const version = fs.readFileSync(path.join(root, 'Cargo.toml'), 'utf8').match(/^version = "(.*)"/m)[1];
const own = [main.version, ...Object.values(main.optionalDependencies)];
if (own.some((other) => other !== version)) {
  fail(`Cargo.toml is at version ${version}, and packages/npm/package.json at ${own.join(', ')}`);
}

fs.mkdirSync(values.out, { recursive: true });
const folder = fs.mkdtempSync(path.join(os.tmpdir(), 'goldwire-npm-'));
try {
  values.main ? writeMain() : writePlatform(values.binary, values.platform);
  for (const name of licences) {
    fs.copyFileSync(path.join(root, name), path.join(folder, name));
  }
  const words = ['pack', '--silent', '--pack-destination', path.resolve(values.out)];
  // npm is a script on Windows.
  const said = execFileSync('npm', words, { cwd: folder, encoding: 'utf8', shell: process.platform === 'win32' });
  console.log(path.join(values.out, said.trim().split('\n').pop()));
} finally {
  fs.rmSync(folder, { recursive: true, force: true });
}

function writeMain() {
  const own = main.files.filter((name) => !licences.includes(name));
  for (const name of [...own, 'package.json', 'README.md']) {
    fs.cpSync(path.join(here, name), path.join(folder, name), { recursive: true });
  }
}

function writePlatform(binary, platform) {
  if (!platforms.includes(platform)) fail(`there is no platform ${platform}; there are ${platforms.join(', ')}`);
  const [system, processor] = platform.split('-');
  const file = `bin/goldwire${system === 'win32' ? '.exe' : ''}`;
  fs.mkdirSync(path.join(folder, 'bin'));
  fs.copyFileSync(binary, path.join(folder, file));
  fs.chmodSync(path.join(folder, file), 0o755);
  const manifest = {
    name: `@goldwire/${platform}`,
    version,
    description: `The command goldwire for ${platform}`,
    license: main.license,
    os: [system],
    cpu: [processor],
    // The binary for Linux needs glibc: npm leaves it out on Alpine, and the launcher says so.
    ...(system === 'linux' ? { libc: ['glibc'] } : {}),
    files: ['bin', ...licences],
    // Yarn's zip files cannot run a program.
    preferUnplugged: true,
  };
  fs.writeFileSync(path.join(folder, 'package.json'), `${JSON.stringify(manifest, null, 2)}\n`);
  fs.writeFileSync(
    path.join(folder, 'README.md'),
    `# ${manifest.name}\n\n${manifest.description}. Install the package \`goldwire\`, which needs this one.\n`,
  );
}
