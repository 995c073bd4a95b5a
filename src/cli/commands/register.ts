/** `muniment register PATH`: puts a model that already exists on record, from its file. */
import { createReadStream } from 'node:fs';
import type { Command } from 'commander';
import { RegistryError } from '../../core/errors.ts';
import type { Context, Session } from '../context.ts';
import type { ModelFacts } from '../register-model.ts';
import { fields, inOneLine } from '../table.ts';
import type { ModelView, ObligationsView, RegistrationBody } from '../views.ts';

interface Options extends Partial<Pick<ModelFacts, 'license' | 'name' | 'owner'>> {
  sealed?: boolean;
  as: string;
  licenseText?: string;
  parent?: string[];
  dataset?: string[];
  contributor?: string[];
  upload?: boolean;
}

export function define(program: Command, context: Context): void {
  program
    .command('register')
    .description(
      'Put a model that you already have on record. The file is hashed here and stays here, unless you upload it.',
    )
    .argument('<path>', 'file of weights, e.g. model.safetensors')
    .option('--name <name>', 'what the model is called')
    .option('--owner <party=share...>', 'who owns it: PARTY for all of it, or PARTY=n/d for each owner')
    .option('--license <id>', 'SPDX license expression, or LicenseRef-… with --license-text')
    .option('--license-text <file>', 'the text of the license; its digest goes on record')
    .option('--parent <digest=relation...>', 'a model it came from, e.g. sha256:…=fine-tuned-from')
    .option('--dataset <dataset...>', 'a dataset on record that it was trained on, by id or name')
    .option('--contributor <party:role...>', 'who contributed, apart from who owns it, e.g. "Acme Labs:creator"')
    .option('--upload', 'also store the file in the registry, encrypted')
    .option('--sealed', 'put on record only that you have it; what it is stays here until "muniment open"')
    .option('--as <what>', 'with --sealed: model, dataset (a folder) or evidence (any file)', 'model')
    .addHelpText(
      'after',
      '\nExample:\n  $ muniment register model.safetensors --name digits --owner "Acme Labs=2/3" "Jo Doe=1/3" --license Apache-2.0\n  $ muniment register model.safetensors --sealed',
    )
    .action(async (path: string, options: Options) => {
      if (options.sealed === true) return sealIt(context, path, options);
      const facts = requireFacts(options);
      const { describeModel, registerModel } = await import('../register-model.ts');
      const { modelFile } = await import('../hash-model.ts');
      const session = await context.session();
      const file = await modelFile(path);
      const body = await describeModel(context, session, file, facts);
      const receipt = await registerModel(context, session, body);
      if (options.upload === true) {
        await session.client.put(
          `/v1/models/${receipt.id}/artifact`,
          createReadStream(file, { highWaterMark: 1 << 18 }),
        );
      }
      const { precededBy } = await session.client.get<ModelView>(`/v1/models/${receipt.id}`);
      if (precededBy !== null) {
        context.note(
          `The same weights stand on record since before, registered by somebody else: ${precededBy} ("muniment lookup").`,
        );
      }
      if (body.parents.length > 0 || body.datasets.length > 0) await tellBlocks(context, session, receipt.id);
      context.print({ id: receipt.id, ...body, uploaded: options.upload === true, precededBy, receipt }, () =>
        describeRegistered(receipt, body),
      );
    });
}

/** The model is on record either way; its owner hears at once, not from whoever relies on the license. */
async function tellBlocks(context: Context, { client }: Session, id: string): Promise<void> {
  let found: ObligationsView;
  try {
    found = await client.get<ObligationsView>(`/v1/models/${id}/obligations?commercial=true`);
  } catch (error) {
    if (!(error instanceof RegistryError)) throw error;
    context.note(`The model is on record; what its license owes to its ancestors was not found out: ${error.message}`);
    return;
  }
  const blocks = found.conservative.obstacles.filter(({ verdict }) => verdict === 'BLOCK');
  const [block] = blocks;
  if (block === undefined || blocks.some(({ place }) => place === 'own')) return;
  context.note(
    `The license grants what an ancestor blocks: ${inOneLine(`${block.explanation} ${block.wayOut ?? ''}`)} ("muniment license check ${id} --commercial")`,
  );
}

/** What would be told of the model has no place beside a seal, and must not get lost in silence. */
const TOLD = ['name', 'owner', 'license', 'licenseText', 'contributor', 'parent', 'dataset', 'upload'] as const;

async function sealIt(context: Context, path: string, options: Options): Promise<void> {
  const { as } = options;
  const told = TOLD.find((option) => options[option] !== undefined);
  if (told !== undefined) {
    throw new RegistryError('usage', `With --sealed nothing is told, and --${told} would be.`, {
      field: told,
      fix: 'Leave it out; register the model with it when you open the seal.',
    });
  }
  const { seal } = await import('../seal.ts');
  const { receipt, secret, file } = await seal(context, path, as);
  const { sealed, subject, digests } = secret;
  context.print({ sealed, subject, digests, file, receipt }, () =>
    fields([
      ['sealed', sealed],
      ['what', subject],
      ['digests', digests.join('\n')],
      ['opened by', `${file}: keep it, nobody can open this without it`],
      ['on record', `entry ${receipt.index}`],
    ]),
  );
}

function requireFacts(options: Options): Options & ModelFacts {
  const { name, owner, license } = options;
  const missing = Object.entries({ name, owner, license }).find(([, value]) => value === undefined)?.[0];
  if (name !== undefined && owner !== undefined && license !== undefined) return { ...options, name, owner, license };
  throw new RegistryError('usage', `The option --${missing} is missing.`, {
    field: missing ?? '',
    fix: 'State name, owners and license; or seal the model with --sealed, and state them later.',
  });
}

export function describeRegistered(receipt: { id: string; index: number }, body: RegistrationBody): string {
  return fields([
    ['registered', receipt.id],
    ['name', body.name],
    ['weight digest', body.weights.weightDigest ?? undefined],
    ['file digest', body.weights.fileDigest],
    ['owners', body.owners.map(({ party, share }) => `${share}  ${party}`).join('\n')],
    ['contributors', body.contributors?.map(({ party, role }) => `${role}  ${party}`).join('\n')],
    ['license', body.license.expression],
    ['on record', `entry ${receipt.index}`],
  ]);
}
