/** Where a story plays: a registry in a folder that is thrown away, told to a person or, with `--json`, to a program. */
import { chmod, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { RegistryProcess } from './registry-process.ts';
import { Telling } from './telling.ts';

export interface Stage {
  readonly folder: string;
  readonly registry: RegistryProcess;
  readonly telling: Telling;
  readonly signal: AbortSignal;
  readonly json: boolean;
}

/** Plays a story, clears up after it, and ends the process: with 0 only if every step of it held. */
export async function onStage(name: string, opening: string, play: (stage: Stage) => Promise<object>): Promise<never> {
  const json = process.argv.includes('--json');
  const registry = new RegistryProcess();
  const telling = new Telling((text) => void (json || process.stdout.write(text)));
  const interrupted = new AbortController();
  for (const signal of ['SIGINT', 'SIGTERM'] as const) {
    process.once(signal, () => interrupted.abort(new Error(`The ${name} was ended by ${signal}.`)));
  }
  const folder = await mkdtemp(join(tmpdir(), `muniment-${name}-`));
  // Where this runs as root, PostgreSQL runs as another user, who has to pass through.
  await chmod(folder, 0o711);
  telling.say(opening);
  let result: object = {};
  let failure: Error | undefined;
  try {
    const ended = new Promise<never>((_, reject) =>
      interrupted.signal.addEventListener('abort', () => reject(interrupted.signal.reason as Error)),
    );
    result = await Promise.race([play({ folder, registry, telling, signal: interrupted.signal, json }), ended]);
  } catch (error) {
    failure = error as Error;
  }
  await registry.stop();
  await rm(folder, { recursive: true, force: true });
  const ok = failure === undefined;
  if (json) {
    const { steps } = telling;
    const document = { ok, ...result, ...(ok ? {} : { error: failure?.message }), steps };
    process.stdout.write(`${JSON.stringify(document, null, 2)}\n`);
  } else if (ok) {
    telling.say('\nEvery step held. The registry is stopped and its folder removed.');
  } else {
    process.stderr.write(`\nThe ${name} failed: ${failure?.message}\n`);
  }
  process.exit(ok ? 0 : 1);
}
