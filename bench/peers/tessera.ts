/** Starts Tessera's log (tessera/main.go), built by Go; says so where there is no Go. */
import { execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';

/** Beside the sources, since Go reads its own from there. */
const SOURCE = fileURLToPath(new URL('../../../bench/peers/tessera', import.meta.url));

export async function startTessera(): Promise<{ url: string; stop(): Promise<void> } | undefined> {
  const folder = await mkdtemp(join(tmpdir(), 'muniment-tessera-'));
  const binary = join(folder, 'tessera');
  try {
    await promisify(execFile)('go', ['build', '-o', binary, '.'], { cwd: SOURCE });
  } catch (error) {
    await rm(folder, { recursive: true, force: true });
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error;
    console.error('Skipped: Tessera, another log to compare with, is built with Go, which is not installed.');
    return undefined;
  }
  const child = spawn(binary, [join(folder, 'log')], { stdio: ['pipe', 'pipe', 'inherit'] });
  const [line] = (await Promise.race([
    once(child.stdout, 'data'),
    once(child, 'exit').then(() => Promise.reject(new Error('Tessera ended at its start.'))),
  ])) as [Buffer];
  return {
    url: line.toString().trim(),
    stop: async () => {
      child.stdin.end();
      if (child.exitCode === null) await once(child, 'exit');
      await rm(folder, { recursive: true, force: true });
    },
  };
}
