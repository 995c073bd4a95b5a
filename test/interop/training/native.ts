/**
 * The package `@tensorflow/tfjs-node` for the `native` backend: `native-setup.sh` builds it once into a folder outside the
 * repository, `MUNIMENT_NATIVE_FOLDER` or one in the temporary directory; `MUNIMENT_NATIVE_PACKAGE` names one that is
 * already built.
 */
import { execFile } from 'node:child_process';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';

export async function provideNative(): Promise<{ path: string } | { why: string }> {
  const given = process.env['MUNIMENT_NATIVE_PACKAGE'];
  if (given) return { path: given };
  const script = fileURLToPath(new URL('native-setup.sh', import.meta.url));
  const folder = process.env['MUNIMENT_NATIVE_FOLDER'] ?? join(tmpdir(), 'muniment-native');
  try {
    const { stdout } = await promisify(execFile)(script, [folder], { timeout: 900_000, maxBuffer: 2 ** 26 });
    return { path: stdout.trim() };
  } catch (error) {
    return { why: `native-setup.sh failed: ${(error as Error).message.trim().split('\n').slice(-3).join(' | ')}` };
  }
}
