/** Seats under a license, each held by a key in a file: every request proves that the key is at hand. */
import { RegistryError } from '../core/errors.ts';
import type { Client } from './client.ts';
import type { Context } from './context.ts';
import { proveTo, readHolderKey, useHolderKey } from './holder-key.ts';
import { readSecret } from './settings.ts';

export interface SeatView {
  grant: string;
  holder: string;
  party: string;
  takenAt: string;
  until: string;
  borrowed: boolean;
}

export interface SeatWish {
  holderKey: string;
  /** A license token under the grant, as itself, `@FILE` or `-`, from who is no side of it */
  token?: string;
  seconds?: number;
}

/** The key is made where there is none. @throws RegistryError `seats_exhausted`, `state_conflict`, `not_found` */
export async function activateSeat(context: Context, grant: string, wish: SeatWish): Promise<SeatView> {
  return takeSeat(context, grant, wish, await useHolderKey(context, wish.holderKey));
}

/** As `activateSeat`, with a key that there is. */
export async function keepSeat(context: Context, grant: string, wish: SeatWish): Promise<SeatView> {
  return takeSeat(context, grant, wish, await readHolderKey(wish.holderKey));
}

async function takeSeat(context: Context, grant: string, { token, seconds }: SeatWish, pem: string): Promise<SeatView> {
  const client = await context.client();
  const path = seatsOf(grant);
  const body = {
    ...(token === undefined ? {} : { token: await readSecret(token, context.io) }),
    ...(seconds === undefined ? {} : { borrowSeconds: seconds }),
  };
  return client.post<SeatView>(path, body, async () => ({
    dpop: await proveTo(client, pem, { method: 'POST', path }),
  }));
}

/**
 * Gives up the seat of a key at hand, or, as a side of the license, that of another.
 * @returns the thumbprint of the key that held it
 */
export async function releaseSeat(
  context: Context,
  grant: string,
  { holderKey: file, holder }: { holderKey?: string; holder?: string },
): Promise<string> {
  if ((file === undefined) === (holder === undefined)) {
    throw new RegistryError('usage', 'It is not clear whose seat is meant.', {
      field: 'holder',
      fix: 'Give either --holder-key, the file of its key, or --holder, as "muniment seat list" shows it.',
    });
  }
  const client = await context.client();
  if (file === undefined) {
    await client.remove(seatOf(grant, holder!));
    return holder!;
  }
  return releaseOwn(client, grant, await readHolderKey(file));
}

async function releaseOwn(client: Client, grant: string, pem: string): Promise<string> {
  const { holderKey } = await import('../tokens/dpop/index.ts');
  const { thumbprint } = await holderKey(pem);
  const path = seatOf(grant, thumbprint);
  await client.remove(path, { dpop: await proveTo(client, pem, { method: 'DELETE', path }) });
  return thumbprint;
}

export const listSeats = async (context: Context, grant: string): Promise<SeatView[]> =>
  (await context.client()).get<SeatView[]>(seatsOf(grant));

const seatsOf = (grant: string): string => `/v1/grants/${encodeURIComponent(grant)}/seats`;
const seatOf = (grant: string, holder: string): string => `${seatsOf(grant)}/${encodeURIComponent(holder)}`;
