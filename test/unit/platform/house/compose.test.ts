import { existsSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from '@jest/globals';
import { parse } from 'yaml';
import { loadConfig } from '../../../../src/platform/config/index.ts';

interface Service {
  image?: string;
  build?: { context: string; dockerfile: string };
  command?: string[];
  profiles?: string[];
  environment: Record<string, string>;
  depends_on?: Record<string, { condition: string }>;
  ports?: string[];
  volumes?: string[];
  deploy?: { resources: { reservations: { devices: { driver: string; capabilities: string[] }[] } } };
}

const root = fileURLToPath(new URL('../../../..', import.meta.url));
const text = readFileSync(`${root}docker-compose.yml`, 'utf8');
const { services, volumes } = parse(text, { merge: true }) as {
  services: Record<string, Service>;
  volumes: Record<string, unknown>;
};
const service = (name: string): Service => {
  const found = services[name];
  if (!found) throw new Error(`no service ${name}`);
  return found;
};
/** As compose fills in variables, with secrets that fit. */
const filled = (environment: Record<string, string>) =>
  Object.fromEntries(
    Object.entries(environment).map(([name, value]) => [
      name,
      value
        .replace('${MUNIMENT_MASTER_KEY:?see docs/operations.md}', Buffer.alloc(32).toString('base64'))
        .replace(/\$\{\w+:-([^}]*)\}/g, '$1')
        .replace(/\$\{\w+:\?[^}]*\}/g, 'filled'),
    ]),
  );

describe('docker-compose.yml', () => {
  it('runs PostgreSQL 18, migrations once before API and worker, and a GPU worker on request only', () => {
    expect(Object.keys(services).sort()).toEqual(['api', 'migrate', 'postgres', 'worker', 'worker-gpu']);
    expect(service('postgres').image).toBe('postgres:18');
    expect(service('migrate').depends_on).toEqual({ postgres: { condition: 'service_healthy' } });
    for (const name of ['api', 'worker', 'worker-gpu']) {
      expect(service(name).depends_on).toEqual({ migrate: { condition: 'service_completed_successfully' } });
    }
    expect(Object.keys(services).filter((name) => service(name).profiles)).toEqual(['worker-gpu']);
  });

  it('reserves an NVIDIA device for the GPU worker, on a CUDA image', () => {
    const gpu = service('worker-gpu');
    expect(gpu.profiles).toEqual(['gpu']);
    expect(gpu.deploy?.resources.reservations.devices).toEqual([{ driver: 'nvidia', count: 1, capabilities: ['gpu'] }]);
    expect(gpu.environment['MUNIMENT_BACKEND']).toBe('cuda');
    expect(readFileSync(`${root}${gpu.build?.dockerfile}`, 'utf8')).toMatch(/^FROM nvidia\/cuda:11\.\d/m);
  });

  it('gives the owner’s login to the migrations alone', () => {
    for (const [name, { environment }] of Object.entries(services)) {
      const sees = JSON.stringify(environment).includes('MUNIMENT_OWNER_PASSWORD');
      expect([name, sees]).toEqual([name, name === 'migrate' || name === 'postgres']);
    }
  });

  it('names only settings that exist, with values that are right', () => {
    for (const name of ['migrate', 'api', 'worker', 'worker-gpu']) {
      const config = loadConfig(filled(service(name).environment));
      expect(config.databaseUrl?.reveal()).toBe('postgres://muniment_app:filled@postgres:5432/muniment');
    }
    expect(loadConfig(filled(service('api').environment))).toMatchObject({ worker: false, port: 3000 });
  });

  it('holds no secret and no default for one, and opens its port to this machine alone', () => {
    const secrets = [...text.matchAll(/\$\{(\w*(?:PASSWORD|KEY)\w*)([^}]*)\}/g)];
    expect(secrets.length).toBeGreaterThan(5);
    for (const [, , rest] of secrets) expect(rest).toMatch(/^:\?/);
    expect(service('api').ports).toEqual(['127.0.0.1:3000:3000']);
    expect(service('postgres').ports).toBeUndefined();
  });

  it('mounts files and volumes and builds from files that are there', () => {
    for (const { build, volumes: mounts = [] } of Object.values(services)) {
      if (build) expect(existsSync(`${root}${build.dockerfile}`)).toBe(true);
      for (const source of mounts.map((mount) => String(mount.split(':')[0]))) {
        expect([source, source.startsWith('./') ? existsSync(`${root}${source}`) : source in volumes]).toEqual([
          source,
          true,
        ]);
      }
    }
    for (const file of ['docker/Dockerfile', 'docker/Dockerfile.gpu']) {
      const dockerfile = readFileSync(`${root}${file}`, 'utf8');
      expect(dockerfile).toMatch(/^USER node$/m);
      const copied = [...dockerfile.matchAll(/^COPY (?!--from)(.+) \S+$/gm)].flatMap(([, sources]) =>
        String(sources).split(' '),
      );
      expect(copied.filter((path) => !existsSync(`${root}${path}`))).toEqual([]);
    }
  });
});
