/**
 * `npm run example:gate`: a model that reads handwritten digits is served behind a gate. Who shows a license token gets an
 * answer; who shows none, or one that is not for this, or too often, or that has ended, gets none.
 */
import { once } from 'node:events';
import { readFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import type { ByteSource } from '../src/core/weights/byte-source.ts';
import { readSafetensorsHeader } from '../src/core/weights/safetensors.ts';
import { expressGate, Gate } from '../src/gate/index.ts';
import { openFileSource } from '../src/platform/storage/index.ts';
import { mnistFolder } from '../src/cli/mnist.ts';
import { readIdxFolder } from '../src/training/idx.ts';
import { Actor } from './demo/actor.ts';
import type { Stage } from './demo/stage.ts';
import { onStage } from './demo/stage.ts';
import { requireThat } from './demo/telling.ts';

const AUDIENCE = 'https://digits.example.org';
const MAX_CALLS = 5;
/** Seconds after which a token that ended is refused at the latest */
const MAX_STALENESS = 30;

interface Made {
  id: string;
}

async function play({ folder, registry, telling, signal, json }: Stage): Promise<object> {
  const at = (name: string): string => join(folder, name);
  const model = at('digits.safetensors');
  const answers: Record<string, number> = {};
  let actors!: Record<'acme' | 'beta' | 'delta' | 'registrar', Actor>;
  let url = '';

  await telling.step('A registry starts; Acme Labs, Beta Corp and Delta Hosting join.', async (tell) => {
    const started = await registry.start(at('registry'));
    ({ url } = started);
    const note = (text: string): void => void process.stderr.write(json ? '' : `    ${text}`);
    const actor = (name: string): Actor =>
      new Actor(at(name), url, { watched: !json && process.stderr.isTTY === true, note }, signal);
    actors = { registrar: actor('registrar'), acme: actor('acme'), beta: actor('beta'), delta: actor('delta') };
    await actors.registrar.do('login', '--api-key', `@${started.registrarKeyFile}`);
    for (const [name, party] of [
      ['acme', 'Acme Labs'],
      ['beta', 'Beta Corp'],
      ['delta', 'Delta Hosting'],
    ] as const) {
      await actors.registrar.do('party', 'create', party, '--api-key-file', at(`${name}.key`));
      await actors[name].do('login', '--api-key', `@${at(`${name}.key`)}`);
    }
    tell(`It answers on ${url}.`);
  });
  const { acme, beta } = actors;

  let registration = '';
  let weightDigest = '';
  await telling.step('Acme Labs trains a model that reads digits, and puts it on record.', async (tell) => {
    await acme.do('dataset', 'add', 'mnist');
    const trained = await acme.do<{ registrationId: string; result: { weightDigest: string } }>(
      ...['train', '--dataset', 'mnist', '--arch', 'mlp', '--epochs', '1', '--name', 'digits'],
      ...['--owner', 'Acme Labs', '--license', 'CC-BY-SA-3.0', '--watch', '--out', model],
    );
    registration = trained.registrationId;
    ({ weightDigest } = trained.result);
    tell(`It is ${registration}.`);
  });

  const journal = at('usage.jsonl');
  const apiKey = (await readFile(at('delta.key'), 'utf8')).trim();
  const gate = new Gate({
    registry: url,
    audience: AUDIENCE,
    model: { id: registration, digest: weightDigest },
    maxStaleness: MAX_STALENESS,
    // What a request is for, it says itself here; who serves one kind of customer says it for all of them.
    purpose: ({ headers }) => ({ action: 'infer', commercial: headers['x-purpose'] === 'commercial', territory: 'DE' }),
    usage: { apiKey, journal, blockCalls: MAX_CALLS },
  });
  const classify = await loadModel(model);
  const check = expressGate(gate);
  const server = createServer((request, response) => {
    check(request, response, (error) => {
      if (error !== undefined) return void response.writeHead(500).end();
      const pixels: Uint8Array[] = [];
      request.on('data', (chunk: Uint8Array) => pixels.push(chunk));
      request.on('end', () => response.end(JSON.stringify({ digit: classify(Buffer.concat(pixels)) })));
    });
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const service = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  const { test } = await readIdxFolder(mnistFolder());
  const pictureBytes = test.height * test.width;
  const ask = async (picture: number, token?: string, headers: Record<string, string> = {}) => {
    const response = await fetch(service, {
      method: 'POST',
      headers: { ...(token === undefined ? {} : { authorization: `Bearer ${token}` }), ...headers },
      body: Buffer.from(test.pixels.subarray(picture * pictureBytes, (picture + 1) * pictureBytes)),
    });
    return { status: response.status, body: (await response.json()) as { digit?: number; code?: string } };
  };

  try {
    let grant = '';
    let issued!: { access_token: string; jti: string };
    await telling.step(
      `Beta Corp accepts a license for ${MAX_CALLS} uses, none of them commercial, and gets a token.`,
      async (tell) => {
        ({ id: grant } = await acme.do<Made>(
          ...['license', 'grant', '--model', model, '--to', 'Beta Corp', '--action', 'infer'],
          ...['--max-calls', String(MAX_CALLS), '--territory', 'DE', 'FR'],
        ));
        await beta.do('license', 'accept', grant);
        issued = await beta.do('token', 'issue', '--grant', grant, '--audience', AUDIENCE);
        tell(`It is for ${AUDIENCE} alone.`);
      },
    );
    const token = issued.access_token;

    await telling.step(
      'With the token the service answers; without one, or for another purpose, it does not.',
      async (tell) => {
        const { status, body } = await ask(0, token);
        answers['with a token'] = status;
        requireThat(status === 200 && body.digit === test.labels[0], `The picture of a ${test.labels[0]} is not read.`);
        tell(`The picture is a ${body.digit}.`);
        answers['without a token'] = (await ask(0)).status;
        requireThat(answers['without a token'] === 401, 'It answered without a token.');
        const commercial = await ask(0, token, { 'x-purpose': 'commercial' });
        answers['wrong purpose'] = commercial.status;
        requireThat(
          commercial.status === 403 && commercial.body.code === 'use_not_licensed',
          'It answered for any purpose.',
        );
      },
    );

    await telling.step(`After ${MAX_CALLS} uses the quota is used up.`, async (tell) => {
      for (let i = 1; i < MAX_CALLS; i++) requireThat((await ask(i, token)).status === 200, 'It stopped too early.');
      answers['over the quota'] = (await ask(MAX_CALLS, token)).status;
      requireThat(answers['over the quota'] === 429, 'It answered more often than was granted.');
      tell('The registry will know of every use, and of none twice.');
    });

    await telling.step('Acme Labs revokes a token; the service refuses it before long.', async (tell) => {
      const { id } = await acme.do<Made>(
        'license',
        'grant',
        '--model',
        model,
        '--to',
        'Beta Corp',
        '--action',
        'infer',
      );
      await beta.do('license', 'accept', id);
      const other = await beta.do<typeof issued>('token', 'issue', '--grant', id, '--audience', AUDIENCE);
      requireThat((await ask(0, other.access_token)).status === 200, 'The second token is not taken.');
      await acme.do('token', 'revoke', other.jti, '--reason', 'example');
      const began = performance.now();
      const seconds = () => (performance.now() - began) / 1000;
      while ((answers['revoked'] = (await ask(0, other.access_token)).status) === 200) {
        requireThat(seconds() < MAX_STALENESS, `It still answered after ${MAX_STALENESS} s.`);
        await new Promise((resolve) => setTimeout(resolve, 100));
      }
      requireThat(answers['revoked'] === 403, 'The token is not refused as one that was revoked.');
      tell(`That took ${seconds().toFixed(1)} s of the ${MAX_STALENESS} s that the gate states.`);
    });

    await gate.close();
    const { calls, left } = await acme.do<{ calls: number; left: number }>('usage', 'show', grant);
    requireThat(calls === MAX_CALLS && left === 0, `The registry counted ${calls} uses, not ${MAX_CALLS}.`);
    telling.table(Object.entries(answers).map(([what, status]) => [what, String(status)] as const));
    return { answers, calls };
  } finally {
    server.closeAllConnections();
    server.close();
  }
}

/** A network of dense layers with ReLU between them, as the run wrote it: `dense1/kernel`, `dense1/bias`, … */
async function loadModel(path: string): Promise<(pixels: Uint8Array) => number> {
  const source = await openFileSource(path);
  const { tensors } = await readSafetensorsHeader(source);
  const layers: { kernel: Float32Array; bias: Float32Array }[] = [];
  for (let i = 1; tensors.some(({ name }) => name === `dense${i}/kernel`); i++) {
    layers.push({
      kernel: await floats(source, tensors, `dense${i}/kernel`),
      bias: await floats(source, tensors, `dense${i}/bias`),
    });
  }
  await source.close();
  return (pixels) => {
    let activation = Float32Array.from(pixels, (pixel) => pixel / 255);
    for (const [i, { kernel, bias }] of layers.entries()) {
      const sums = Float32Array.from(bias);
      for (const [from, value] of activation.entries()) {
        for (let to = 0; to < sums.length; to++) sums[to]! += value * kernel[from * sums.length + to]!;
      }
      activation = i === layers.length - 1 ? sums : sums.map((sum) => Math.max(0, sum));
    }
    return activation.indexOf(Math.max(...activation));
  };
}

async function floats(
  source: ByteSource,
  tensors: Awaited<ReturnType<typeof readSafetensorsHeader>>['tensors'],
  name: string,
): Promise<Float32Array> {
  const { offset, byteLength } = tensors.find((tensor) => tensor.name === name)!;
  const bytes = await source.read(offset, byteLength);
  return new Float32Array(Uint8Array.from(bytes).buffer);
}

await onStage('example', 'A model that reads digits is served behind a gate.', play);
