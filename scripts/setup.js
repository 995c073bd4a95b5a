#!/usr/bin/env node
// Brings a fresh clone to the point where anything here can run: installs the packages that the lockfile names when
// they are missing or older than the lockfile, and with `--build` compiles. Needs Node and npm, nothing else.
import { spawnSync } from 'node:child_process';
import { existsSync, statSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

const root = fileURLToPath(new URL('..', import.meta.url));
const at = (path) => `${root}${path}`;
// npm's own record of what it has installed, written when it is done.
const installed = at('node_modules/.package-lock.json');

function run(command, args, why) {
  process.stderr.write(`${why}\n`);
  const { status, error } = spawnSync(command, args, { cwd: root, stdio: ['ignore', 2, 2] });
  if (status === 0) return;
  process.stderr.write(`setup: "${command} ${args.join(' ')}" failed${error ? `: ${error.message}` : ''}.\n`);
  process.exit(1);
}

const [major, minor] = process.versions.node.split('.').map(Number);
if (major < 20 || (major === 20 && minor < 19)) {
  process.stderr.write(`setup: Node ${process.versions.node} is too old; install Node 20.19 or newer.\n`);
  process.exit(1);
}

if (
  !existsSync(installed) ||
  !existsSync(at('node_modules/typescript')) ||
  statSync(installed).mtimeMs < statSync(at('package-lock.json')).mtimeMs
) {
  run('npm', ['ci', '--no-audit', '--loglevel=error'], 'Installing packages (once) …');
}
if (process.argv.includes('--build')) {
  run(process.execPath, [at('node_modules/typescript/bin/tsc'), '-p', at('tsconfig.build.json')], 'Compiling …');
}
