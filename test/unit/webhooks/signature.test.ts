/** Judged by the library that receivers use, which knows nothing of ours. */
import { describe, expect, it } from '@jest/globals';
import { Webhook } from 'standardwebhooks';
import { newSecret, signedHeaders } from '../../../src/webhooks/signature.ts';

const body = JSON.stringify({ type: 'registration.recorded', data: { name: 'naïve ✓' } });
const now = new Date();

describe('a signature', () => {
  it('is taken by standardwebhooks', () => {
    const secret = newSecret();
    expect(new Webhook(secret).verify(body, signedHeaders('delivery_1', now, body, [secret]))).toEqual(
      JSON.parse(body),
    );
  });

  it('is the one of the standard’s own example', () => {
    const secret = 'whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw';
    const headers = signedHeaders('msg_p5jXN8AQM9LWM0D4loKWxJek', new Date(1_614_265_330_000), '{"test": 2432232314}', [
      secret,
    ]);
    expect(headers).toEqual({
      'webhook-id': 'msg_p5jXN8AQM9LWM0D4loKWxJek',
      'webhook-timestamp': '1614265330',
      'webhook-signature': 'v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=',
    });
  });

  it('under two secrets is taken under either', () => {
    const [next, before] = [newSecret(), newSecret()];
    const headers = signedHeaders('delivery_1', now, body, [next, before]);
    for (const secret of [next, before]) new Webhook(secret).verify(body, headers);
    expect(() => new Webhook(newSecret()).verify(body, headers)).toThrow();
  });

  it('is refused for another body, another id, and another time', () => {
    const secret = newSecret();
    const headers = signedHeaders('delivery_1', now, body, [secret]);
    const refused = (changed: string, header = {}) =>
      expect(() => new Webhook(secret).verify(changed, { ...headers, ...header })).toThrow();
    refused(`${body} `);
    refused(body, { 'webhook-id': 'delivery_2' });
    refused(body, { 'webhook-timestamp': String(Number(headers['webhook-timestamp']) - 1) });
    const old = signedHeaders('delivery_1', new Date(now.getTime() - 3_600_000), body, [secret]);
    expect(() => new Webhook(secret).verify(body, old)).toThrow('too old');
  });

  it('has a secret of 256 bits, each another', () => {
    const [a, b] = [newSecret(), newSecret()];
    expect(a).toMatch(/^whsec_[A-Za-z0-9+/]{43}=$/);
    expect(a).not.toBe(b);
  });
});
