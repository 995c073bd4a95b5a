import { describe, expect, it } from '@jest/globals';
import { guardedLookup, mayReach, parseTarget, requireReachable } from '../../../src/webhooks/target.ts';

describe('an address that is connected to', () => {
  it.each([
    ['this machine', '127.0.0.1'],
    ['this machine, spelled otherwise', '127.255.255.254'],
    ['this machine, IPv6', '::1'],
    ['no machine', '0.0.0.0'],
    ['no machine, IPv6', '::'],
    ['a private network', '10.0.0.1'],
    ['a private network', '172.16.0.1'],
    ['a private network, its last address', '172.31.255.255'],
    ['a private network', '192.168.1.1'],
    ['a carrier’s network', '100.64.0.1'],
    ['the metadata service of a cloud', '169.254.169.254'],
    ['the metadata service, IPv6', 'fd00:ec2::254'],
    ['a link', 'fe80::1'],
    ['a group', '224.0.0.1'],
    ['everybody on the link', '255.255.255.255'],
    ['this machine behind an IPv6 address', '::ffff:127.0.0.1'],
    ['the metadata service behind an IPv6 address', '::ffff:169.254.169.254'],
    ['this machine in hexadecimal behind an IPv6 address', '::ffff:7f00:1'],
    ['this machine behind NAT64', '64:ff9b::7f00:1'],
    ['this machine behind 6to4', '2002:7f00:1::'],
    ['this machine behind Teredo', '2001:0:7f00:1::'],
    ['what documents use', '2001:db8::1'],
    ['what documents use', '203.0.113.9'],
    ['no address at all', 'example.org'],
  ])('is refused as %s: %s', (_, address) => {
    expect(mayReach(address, 'public')).toBe(false);
  });

  it.each(['8.8.8.8', '172.32.0.1', '100.128.0.1', '2606:4700::1', '::ffff:8.8.8.8'])('is reached: %s', (address) => {
    expect(mayReach(address, 'public')).toBe(true);
  });

  it('opens to this machine and to private networks as the operator says, to the metadata service never', () => {
    const all = ['127.0.0.1', '::1', '10.0.0.1', 'fd12::1', '169.254.169.254', 'fe80::1'];
    const reached = (targets: 'loopback' | 'private') => all.filter((address) => mayReach(address, targets));
    expect(reached('loopback')).toEqual(['127.0.0.1', '::1']);
    expect(reached('private')).toEqual(['127.0.0.1', '::1', '10.0.0.1', 'fd12::1']);
  });
});

describe('an address that is registered', () => {
  it.each([
    ['plain HTTP', 'http://example.org/'],
    ['another scheme', 'ftp://example.org/'],
    ['a file', 'file:///etc/passwd'],
    ['a login', 'https://user:secret@example.org/'],
    ['a fragment', 'https://example.org/#here'],
    ['no URL', 'example.org'],
    ['plain HTTP to this machine', 'http://127.0.0.1/'],
  ])('is refused with %s', (_, url) => {
    expect(() => parseTarget(url, 'public')).toThrow(expect.objectContaining({ code: 'invalid_input', field: 'url' }));
  });

  it('may be plain HTTP to this machine alone, where that is allowed', () => {
    for (const url of ['http://localhost:8080/a', 'http://127.0.0.1/', 'http://[::1]:1/']) {
      expect(parseTarget(url, 'loopback').protocol).toBe('http:');
    }
    expect(() => parseTarget('http://10.0.0.1/', 'private')).toThrow('https');
    expect(() => parseTarget('http://localhost.example.org/', 'private')).toThrow('https');
  });

  it.each([
    ['decimal', 'https://2130706433/'],
    ['octal', 'https://0177.0.0.1/'],
    ['hexadecimal', 'https://0x7f.1/'],
    ['short', 'https://127.1/'],
    ['bracketed', 'https://[::ffff:127.0.0.1]/'],
    ['a name', 'https://localhost/'],
  ])('is known as this machine however it is spelled: %s', async (_, url) => {
    await expect(requireReachable(parseTarget(url, 'public'), 'public')).rejects.toMatchObject({
      code: 'invalid_input',
      message: expect.stringContaining('not a public address'),
    });
  });

  it('is refused when its host cannot be found', async () => {
    const url = parseTarget('https://no-such-host.invalid/', 'public');
    await expect(requireReachable(url, 'public')).rejects.toMatchObject({ code: 'invalid_input', field: 'url' });
  });
});

it('what is connected to is looked up and judged in one step, in both forms that a socket asks for', async () => {
  const ask = (all: boolean, targets: 'loopback' | 'public') =>
    new Promise((resolve) => {
      guardedLookup(targets)('localhost', { all }, (error, address) => resolve(error ?? address));
    });
  expect(await ask(true, 'loopback')).toEqual(
    expect.arrayContaining([expect.objectContaining({ family: expect.any(Number) })]),
  );
  expect(await ask(false, 'loopback')).toMatch(/^(?:127\.|::1)/);
  for (const all of [true, false]) expect(await ask(all, 'public')).toMatchObject({ code: 'invalid_input' });
});
