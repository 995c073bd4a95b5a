/** What a run used over all its attempts. What a killed worker spent after it told of it last is not known. */
import type { RunBody } from '../../core/registry/run.ts';
import type { ComputeUsed } from '../progress.ts';

export interface RunCompute {
  wallSeconds: number;
  coreSeconds: number;
  /** Time for which a graphics device was held; absent when there was none. */
  deviceSeconds?: number;
  /** Who trained, in order */
  workers: NonNullable<RunBody['compute']['workers']>;
}

export interface WorkerFacts {
  instance: string;
  /** Whose worker it is */
  party: string;
  backend: string;
  device: string;
}

/** @param before as it was when this attempt began */
export function addCompute(
  before: Partial<RunCompute> | null,
  used: ComputeUsed,
  { instance, party, backend, device: name }: WorkerFacts,
  attempt: number,
): RunCompute {
  const { wallSeconds = 0, coreSeconds = 0, deviceSeconds, workers = [] } = before ?? {};
  const device = used.deviceSeconds === undefined ? deviceSeconds : (deviceSeconds ?? 0) + used.deviceSeconds;
  return {
    wallSeconds: milliseconds(wallSeconds + used.wallSeconds),
    coreSeconds: milliseconds(coreSeconds + used.coreSeconds),
    ...(device === undefined ? {} : { deviceSeconds: milliseconds(device) }),
    workers: [
      ...workers,
      {
        instance,
        party,
        attempt,
        spent: {
          wallSeconds: milliseconds(used.wallSeconds),
          coreSeconds: milliseconds(used.coreSeconds),
          deviceSeconds: used.deviceSeconds === undefined ? null : milliseconds(used.deviceSeconds),
          backend,
          device: name.slice(0, 300),
        },
      },
    ],
  };
}

const milliseconds = (seconds: number): number => Math.round(seconds * 1000) / 1000;
