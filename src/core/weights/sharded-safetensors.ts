/**
 * A model in several safetensors files, its shards, and the index that names for each tensor the shard which holds it:
 * `{"metadata": {…}, "weight_map": {"<tensor>": "<shard>", …}}`, as Hugging Face's libraries write it,
 * https://huggingface.co/docs/safetensors/metadata_parsing.
 *
 * One reader follows the index, another takes all that is in the shards. So that both see one model, index and shards must
 * name exactly the same tensors, each in one place.
 */
import { RegistryError } from '../errors.ts';
import type { ByteSource } from './byte-source.ts';
import { compareBytes } from './compare-bytes.ts';
import type { ContainerReader, Siblings, StoredTensor } from './container.ts';
import { storedAt } from './container.ts';
import { utf8 } from '../bytes.ts';
import { shown } from './header-json.ts';
import type { JsonObject } from './json.ts';
import { asObject, asString, isJsonWith, readJson } from './json.ts';
import { MAX_TENSORS } from './limits.ts';
import type { SafetensorsHeader } from './safetensors.ts';
import { readSafetensorsHeader } from './safetensors.ts';

const ENDING = '.safetensors';

export const shardedSafetensors: ContainerReader = {
  container: 'sharded-safetensors',
  endings: [`${ENDING}.index.json`],
  recognizes: (source) => isJsonWith(source, '"weight_map"', `${ENDING}"`),
  async open(source, siblings) {
    const index = await readJson(source);
    const places = weightMap(index);
    const shards = [...new Set(places.values())].sort((a, b) => compareBytes(utf8(a), utf8(b)));
    const tensors: StoredTensor[] = [];
    for (const shard of shards) tensors.push(...(await openShard(shard, siblings, places)));
    requireAll(places, tensors);
    return { tensors, metadata: metadataOf(index) };
  },
};

/** Of each tensor the shard. */
function weightMap(index: JsonObject): Map<string, string> {
  const entries = Object.entries(asObject(index['weight_map'], 'weight_map'));
  if (entries.length > MAX_TENSORS) throw refuse(`The index names more than ${MAX_TENSORS} tensors.`, 'weight_map');
  return new Map(
    entries.map(([tensor, value]) => {
      const field = `weight_map.${shown(tensor)}`;
      const shard = asString(value, field);
      if (shard.endsWith(ENDING)) return [tensor, shard];
      throw new RegistryError('unsupported_container', `The shard "${shown(shard)}" is no safetensors file.`, {
        field,
      });
    }),
  );
}

async function openShard(
  shard: string,
  siblings: Siblings,
  places: ReadonlyMap<string, string>,
): Promise<StoredTensor[]> {
  const source = await siblings.open(shard);
  const { tensors } = await headerOf(shard, source);
  return tensors.map(({ offset, byteLength, ...head }) => {
    const place = places.get(head.name);
    const field = shown(head.name);
    if (place === undefined) throw refuse(`The index does not name this tensor of the shard "${shown(shard)}".`, field);
    if (place !== shard) {
      throw refuse(`The tensor is in the shard "${shown(shard)}", and the index says "${shown(place)}".`, field);
    }
    return storedAt(source, head, offset, byteLength);
  });
}

/** Says of an error in which shard it is. */
async function headerOf(shard: string, source: ByteSource): Promise<SafetensorsHeader> {
  try {
    return await readSafetensorsHeader(source);
  } catch (error) {
    if (!(error instanceof RegistryError)) throw error;
    const field = [shown(shard), ...(error.field === undefined ? [] : [error.field])].join('.');
    throw new RegistryError(error.code, error.message, { field, cause: error });
  }
}

function requireAll(places: ReadonlyMap<string, string>, tensors: readonly StoredTensor[]): void {
  const held = new Set(tensors.map(({ name }) => name));
  for (const [tensor, shard] of places) {
    if (!held.has(tensor)) throw refuse(`The shard "${shown(shard)}" does not hold this tensor.`, shown(tensor));
  }
}

/** What the index says in words, and numbers and lists as JSON. */
function metadataOf(index: JsonObject): Record<string, string> {
  const metadata = index['metadata'] === undefined ? {} : asObject(index['metadata'], 'metadata');
  return Object.fromEntries(
    Object.entries(metadata).map(([name, value]) => [name, typeof value === 'string' ? value : JSON.stringify(value)]),
  );
}

function refuse(sentence: string, field: string): RegistryError {
  return new RegistryError('malformed_container', sentence, { field });
}
