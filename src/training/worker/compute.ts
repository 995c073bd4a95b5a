/** What a run used over all its attempts. Time that a killed worker spent behind its last whole epoch is not known. */
import type { ComputeUsed } from '../progress.ts';

export interface RunCompute {
  wallSeconds: number;
  coreSeconds: number;
  /** Time for which a graphics device was held; absent when there was none. */
  deviceSeconds?: number;
  /** Who trained, in order; `party` is whose worker it was. */
  workers: { instance: string; party: string; attempt: number }[];
}

/** @param before as it was when this attempt began */
export function addCompute(
  before: Partial<RunCompute> | null,
  used: ComputeUsed,
  worker: { instance: string; party: string },
  attempt: number,
): RunCompute {
  const { wallSeconds = 0, coreSeconds = 0, deviceSeconds, workers = [] } = before ?? {};
  const device = used.deviceSeconds === undefined ? deviceSeconds : (deviceSeconds ?? 0) + used.deviceSeconds;
  return {
    wallSeconds: milliseconds(wallSeconds + used.wallSeconds),
    coreSeconds: milliseconds(coreSeconds + used.coreSeconds),
    ...(device === undefined ? {} : { deviceSeconds: milliseconds(device) }),
    workers: [...workers, { ...worker, attempt }],
  };
}

const milliseconds = (seconds: number): number => Math.round(seconds * 1000) / 1000;
