/** Progress on standard error, and only where somebody watches it. */
import type { Io } from './io.ts';

export interface Bar {
  update(value: number, payload?: Record<string, string>): void;
  /** There is more to do than was known. */
  grow(total: number): void;
  stop(): void;
}

const SILENT: Bar = { update: () => undefined, grow: () => undefined, stop: () => undefined };

/** @param format as cli-progress writes it, e.g. `Hashing {bar} {percentage} %` */
export async function progressBar(
  io: Io,
  format: string,
  total: number,
  payload: Record<string, string> = {},
): Promise<Bar> {
  if (!io.watched || total === 0) return SILENT;
  const { default: progress } = await import('cli-progress');
  const bar = new progress.SingleBar(
    { format, stream: process.stderr, hideCursor: true, clearOnComplete: false, barsize: 30, gracefulExit: false },
    progress.Presets.shades_classic,
  );
  bar.start(total, 0, payload);
  return {
    update: (value, changed) => bar.update(value, changed),
    grow: (more) => bar.setTotal(more),
    stop: () => bar.stop(),
  };
}
