/**
 * Which addresses a webhook may reach. Whoever registers an address makes this server send requests, so it could be aimed
 * at what only this server reaches: its own machine, the network around it, the metadata service of a cloud. Public
 * addresses alone are allowed unless the operator says otherwise, and the check is made on the very address that is
 * connected to, so that a name cannot point elsewhere between check and use (DNS rebinding).
 *
 * IPv4: the special-purpose blocks of RFC 6890 and its registry are refused. IPv6: of the global unicast space 2000::/3
 * all but those that lead back into IPv4 or to documentation; whatever else there is is refused.
 */
import { lookup } from 'node:dns';
import type { LookupAddress, LookupOptions } from 'node:dns';
import { BlockList, isIP } from 'node:net';
import { RegistryError } from '../core/errors.ts';
import type { Config } from '../platform/config/index.ts';

/** `loopback` adds this machine, over plain HTTP too; `private` adds private networks to that. */
export type Targets = Config['webhookTargets'];

const list = (ipv4: readonly string[], ipv6: readonly string[]): BlockList => {
  const made = new BlockList();
  for (const [family, nets] of [
    ['ipv4', ipv4],
    ['ipv6', ipv6],
  ] as const) {
    for (const net of nets) {
      const [address, bits] = net.split('/') as [string, string];
      made.addSubnet(address, Number(bits), family);
    }
  }
  return made;
};

const LOOPBACK = list(['127.0.0.0/8'], ['::1/128']);
const PRIVATE = list(['10.0.0.0/8', '172.16.0.0/12', '192.168.0.0/16', '100.64.0.0/10'], ['fc00::/7']);
const SPECIAL_IPV4 = list(
  [
    '0.0.0.0/8',
    '10.0.0.0/8',
    '100.64.0.0/10',
    '127.0.0.0/8',
    '169.254.0.0/16',
    '172.16.0.0/12',
    '192.0.0.0/24',
    '192.0.2.0/24',
    '192.31.196.0/24',
    '192.52.193.0/24',
    '192.88.99.0/24',
    '192.168.0.0/16',
    '192.175.48.0/24',
    '198.18.0.0/15',
    '198.51.100.0/24',
    '203.0.113.0/24',
    '224.0.0.0/4',
    '240.0.0.0/4',
  ],
  [],
);
const GLOBAL_IPV6 = list([], ['2000::/3']);
const SPECIAL_IPV6 = list([], ['2001::/23', '2001:db8::/32', '2002::/16', '3fff::/20']);

/** @param address as text, IPv4 or IPv6 */
export function mayReach(address: string, targets: Targets): boolean {
  const family = isIP(address);
  if (family === 0) return false;
  // ::ffff:127.0.0.1 reaches 127.0.0.1.
  const mapped = /^::ffff:(\d+\.\d+\.\d+\.\d+)$/i.exec(address)?.[1];
  if (mapped !== undefined) return mayReach(mapped, targets);
  const kind = family === 4 ? 'ipv4' : 'ipv6';
  if (targets !== 'public' && LOOPBACK.check(address, kind)) return true;
  if (targets === 'private' && PRIVATE.check(address, kind)) return true;
  return family === 4
    ? !SPECIAL_IPV4.check(address, kind)
    : GLOBAL_IPV6.check(address, kind) && !SPECIAL_IPV6.check(address, kind);
}

/**
 * An address as somebody typed it: `https:`, or `http:` to this machine where that is allowed.
 * @throws RegistryError `invalid_input`
 */
export function parseTarget(text: string, targets: Targets): URL {
  const url = URL.canParse(text) ? new URL(text) : undefined;
  if (url === undefined) throw refuse('is not a URL', 'Write it as in https://example.org/hooks.');
  if (url.username !== '' || url.password !== '') throw refuse('holds a login', 'Leave the login out.');
  if (url.hash !== '') throw refuse('holds a fragment', 'Leave out what follows "#".');
  if (url.protocol === 'https:') return url;
  if (url.protocol === 'http:' && targets !== 'public' && isLoopback(url.hostname)) return url;
  throw refuse('does not begin with "https://"', 'Use https.');
}

/** The name in a URL without the brackets of IPv6. */
export const hostOf = ({ hostname }: URL): string => hostname.replace(/^\[|\]$/g, '');

function isLoopback(hostname: string): boolean {
  const host = hostname.replace(/^\[|\]$/g, '');
  return host === 'localhost' || (isIP(host) !== 0 && LOOPBACK.check(host, isIP(host) === 4 ? 'ipv4' : 'ipv6'));
}

type Found = (error: Error | null, address: string | LookupAddress[], family?: number) => void;

/** `lookup` of node:net that finds allowed addresses alone; not asked for a host that is an address already. */
export const guardedLookup =
  (targets: Targets) =>
  (hostname: string, options: LookupOptions, found: Found): void => {
    lookup(hostname, { ...options, all: true }, (error, addresses) => {
      if (error !== null) return found(error, []);
      const allowed = addresses.filter(({ address }) => mayReach(address, targets));
      const [first] = allowed;
      if (first === undefined) return found(notAllowed(hostname), []);
      if (options.all === true) return found(null, allowed);
      found(null, first.address, first.family);
    });
  };

/**
 * Looks the host up once, so that a wrong address is told to whoever registers it.
 * @throws RegistryError `invalid_input`
 */
export async function requireReachable(url: URL, targets: Targets): Promise<void> {
  const host = hostOf(url);
  if (isIP(host) !== 0) {
    if (mayReach(host, targets)) return;
    throw notAllowed(host);
  }
  await new Promise<void>((resolve, reject) => {
    guardedLookup(targets)(host, {}, (error) => {
      if (error === null) resolve();
      else if (error instanceof RegistryError) reject(error);
      else reject(refuse('has a host that cannot be found', 'Check its spelling.', error));
    });
  });
}

export const notAllowed = (host: string): RegistryError =>
  refuse(`leads to ${host.slice(0, 200)}, which is not a public address`, 'Use an address that everybody can reach.');

const refuse = (why: string, fix: string, cause?: unknown): RegistryError =>
  new RegistryError('invalid_input', `The address of the webhook ${why}.`, { field: 'url', fix, cause });
