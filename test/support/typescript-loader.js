// Lets a child process run the sources as they are: `node --import <this file> child.ts`. Node 20 reads no TypeScript.
import { register } from 'node:module';

const hooks = `
  import { readFile } from 'node:fs/promises';
  import { fileURLToPath } from 'node:url';
  import { transform } from ${JSON.stringify(import.meta.resolve('@swc/core'))};

  export async function load(url, context, next) {
    if (!url.endsWith('.ts')) return next(url, context);
    const { code } = await transform(await readFile(fileURLToPath(url), 'utf8'), {
      filename: fileURLToPath(url),
      jsc: { target: 'es2022', parser: { syntax: 'typescript', decorators: true }, transform: { legacyDecorator: true, decoratorMetadata: true } },
      module: { type: 'es6' },
      sourceMaps: 'inline',
    });
    return { format: 'module', source: code, shortCircuit: true };
  }
`;
register(`data:text/javascript,${encodeURIComponent(hooks)}`);
