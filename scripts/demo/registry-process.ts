/** The demo's registry: one `muniment serve` in a folder that is thrown away, and nothing of it left afterwards. */
import { spawn } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';

const PROGRAM = fileURLToPath(new URL('../../src/cli/main.js', import.meta.url));
const START_MS = 120_000;
const STOP_MS = 20_000;

export interface StartedRegistry {
  url: string;
  registrarKeyFile: string;
}

export class RegistryProcess {
  #child: ChildProcess | undefined;
  #errors = '';

  /** @throws Error when it ends or stays silent instead of telling its address */
  async start(data: string): Promise<StartedRegistry> {
    // A process group of its own, so that Ctrl-C reaches the demo first, which then stops it in order. Over the channel
    // it notices when the demo dies without having done so.
    const child = spawn(process.execPath, [PROGRAM, 'serve', '--json', '--port', '0', '--data', data], {
      env: cleanEnvironment(),
      stdio: ['ignore', 'pipe', 'pipe', 'ipc'],
      detached: true,
    });
    this.#child = child;
    let told = '';
    child.stderr?.on('data', (text: Buffer) => (this.#errors = `${this.#errors}${text.toString()}`.slice(-4000)));
    return new Promise((resolve, reject) => {
      const timer = setTimeout(
        () => reject(new Error(`The registry did not start in time.\n${this.#errors}`)),
        START_MS,
      );
      child.once('error', reject);
      child.once('exit', (code, signal) => {
        clearTimeout(timer);
        reject(new Error(`The registry ended with ${signal ?? code}.\n${this.#errors}`));
      });
      child.stdout?.on('data', (text: Buffer) => {
        told += text.toString();
        if (!told.endsWith('}\n')) return;
        clearTimeout(timer);
        resolve(JSON.parse(told) as StartedRegistry);
      });
    });
  }

  /** Asks it to end and waits; after a while it is ended with all that it started. */
  async stop(): Promise<void> {
    const child = this.#child;
    if (child === undefined || child.pid === undefined || child.exitCode !== null || child.signalCode !== null) return;
    const ended = once(child, 'exit');
    child.kill('SIGTERM');
    const timer = setTimeout(() => process.kill(-child.pid!, 'SIGKILL'), STOP_MS);
    await ended;
    clearTimeout(timer);
  }
}

/** The settings of this machine's own registry are not the demo's. */
function cleanEnvironment(): NodeJS.ProcessEnv {
  const kept = Object.entries(process.env).filter(
    ([name]) => !/^(?:MUNIMENT_|DATABASE_URL$)/.test(name) || /^MUNIMENT_(?:BACKEND|THREADS)$/.test(name),
  );
  return { ...Object.fromEntries(kept), MUNIMENT_LOG_LEVEL: 'warn' };
}
