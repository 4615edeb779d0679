// Makes the package of one platform from a built binary: node make-platform.mjs BINARY PLATFORM FOLDER
import { chmod, copyFile, mkdir, readFile, writeFile } from 'node:fs/promises';
import path from 'node:path';

const [binary, platform, folder] = process.argv.slice(2);
if (!folder) {
  console.error('usage: node make-platform.mjs BINARY PLATFORM FOLDER, e.g. target/release/goldwire linux-x64 target/npm');
  process.exit(2);
}
const [os, cpu] = platform.split('-');
const main = JSON.parse(await readFile(new URL('package.json', import.meta.url), 'utf8'));
const name = `@goldwire/${platform}`;
if (main.optionalDependencies[name] !== main.version) {
  console.error(`${name} ${main.version} is not an optional dependency of the main package`);
  process.exit(2);
}
const file = os === 'win32' ? 'goldwire.exe' : 'goldwire';
await mkdir(folder, { recursive: true });
await copyFile(binary, path.join(folder, file));
await chmod(path.join(folder, file), 0o755);
const own = {
  name,
  version: main.version,
  description: `The command goldwire for ${platform}`,
  license: main.license,
  os: [os],
  cpu: [cpu],
  files: [file],
};
await writeFile(path.join(folder, 'package.json'), `${JSON.stringify(own, null, 2)}\n`);
