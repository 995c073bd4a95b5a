/**
 * The least that could issue and check tokens: claims of the same size, `jsonwebtoken.sign`, one insert for all that came
 * in meanwhile; and `jsonwebtoken.verify`.
 */
import { createPublicKey, generateKeyPairSync, randomBytes } from 'node:crypto';
import { fastify } from 'fastify';
import jwt from 'jsonwebtoken';
import pg from 'pg';

const pool = new pg.Pool({ connectionString: process.env['DATABASE_URL'], max: 10 });
const template = JSON.parse(process.env['CLAIMS']!) as object;
const { privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
const publicKey = createPublicKey(privateKey);
const app = fastify();

app.addContentTypeParser('application/x-www-form-urlencoded', { parseAs: 'string' }, (_, body, done) =>
  done(null, Object.fromEntries(new URLSearchParams(body as string))),
);

let waiting: { jti: string; done: () => void; failed: (error: unknown) => void }[] = [];
let writing = false;

async function write(): Promise<void> {
  writing = true;
  while (waiting.length > 0) {
    const round = waiting;
    waiting = [];
    try {
      await pool.query({
        name: 'issue',
        text: 'INSERT INTO bench_token (jti, issued_at) SELECT jti, $2 FROM unnest($1::text[]) AS k(jti)',
        values: [round.map(({ jti }) => jti), Math.floor(Date.now() / 1000)],
      });
      for (const { done } of round) done();
    } catch (error) {
      for (const { failed } of round) failed(error);
    }
  }
  writing = false;
}

app.post('/oauth/token', async () => {
  const jti = `token_${randomBytes(16).toString('hex')}`;
  const now = Math.floor(Date.now() / 1000);
  const claims = { ...template, jti, iat: now, nbf: now, exp: now + 3600 };
  const token = jwt.sign(claims, privateKey, { algorithm: 'ES256' });
  await new Promise<void>((done, failed) => {
    waiting.push({ jti, done, failed });
    if (!writing) void write();
  });
  return { access_token: token, token_type: 'Bearer', expires_in: 3600 };
});

app.post<{ Body: { token: string } }>('/oauth/introspect', (request) => ({
  active: true,
  ...(jwt.verify(request.body.token, publicKey, { algorithms: ['ES256'] }) as object),
}));

console.log(await app.listen({ port: 0, host: '127.0.0.1' }));
