/**
 * The members of a group of an HDF5 file, by name: as a B-tree over symbol tables (File Format Specification 4.0, III.A to
 * III.D), as h5py and Keras write it, or as messages of the group itself.
 *
 * A link may lead into another file, or be a second name for an object: then what is loaded under a name is not what
 * stands there. Both are refused, so that one dataset is one tensor and no file makes us open another.
 */
import { compareBytes } from './compare-bytes.ts';
import { utf8 } from '../bytes.ts';
import { shown } from './header-json.ts';
import type { Cursor, Hdf5File } from './hdf5-bytes.ts';
import { below, Cursor as Fields, EARLIEST_FIX, malformed, unsupported } from './hdf5-bytes.ts';
import type { HeaderMessages } from './hdf5-object.ts';
import { MESSAGE } from './hdf5-object.ts';
import { MAX_TENSORS } from './limits.ts';

export interface Link {
  readonly name: string;
  /** Of the object's header */
  readonly address: number;
}

export const isGroup = (object: HeaderMessages): boolean =>
  object.has(MESSAGE.symbolTable) || object.has(MESSAGE.linkInfo) || object.has(MESSAGE.link);

/** @throws RegistryError `malformed_container`, `unsupported_container` */
export async function linksOf(file: Hdf5File, group: HeaderMessages): Promise<Link[]> {
  const links = group.has(MESSAGE.symbolTable) ? await symbols(file, group) : messages(group);
  const sorted = links.map((link) => ({ link, key: utf8(link.name) })).sort((a, b) => compareBytes(a.key, b.key));
  for (const [i, { link, key }] of sorted.entries()) {
    const field = shown(below(group.field, link.name));
    if (link.name === '' || link.name === '.' || link.name === '..' || link.name.includes('/')) {
      throw malformed('A member of a group has a name that is none.', field);
    }
    if (i > 0 && compareBytes(sorted[i - 1]!.key, key) === 0) throw malformed('A name stands twice.', field);
  }
  return sorted.map(({ link }) => link);
}

async function symbols(file: Hdf5File, group: HeaderMessages): Promise<Link[]> {
  const table = group.fields(MESSAGE.symbolTable, 'symbol table')!;
  const [btree, heapAddress] = [table.address(), table.address()];
  const heap = await localHeap(file, heapAddress);
  const links: Link[] = [];
  const nodes = [{ address: btree, level: undefined as number | undefined }];
  for (let next = nodes.pop(); next !== undefined; next = nodes.pop()) {
    const head = await file.at(next.address, NODE_BYTES, 'B-tree of a group');
    const { level, entries } = nodeOf(head, 0, next.level);
    // A key before each child and one behind the last
    const node = await file.at(next.address! + NODE_BYTES, entries * 16, 'B-tree of a group');
    for (let i = 0; i < entries; i++) {
      node.skip(8);
      const address = node.address();
      if (level > 0) nodes.push({ address, level: level - 1 });
      else links.push(...(await symbolNode(file, address, heap, group.field)));
    }
    if (links.length > MAX_TENSORS) throw malformed(`The group has more than ${MAX_TENSORS} members.`, group.field);
  }
  return links;
}

export const NODE_BYTES = 24;

/** The head of a version 1 B-tree node, whose level must be one below that of its parent */
export function nodeOf(head: Cursor, type: number, expected: number | undefined): { level: number; entries: number } {
  head.signature('TREE');
  const found = head.u8();
  const level = head.u8();
  const entries = head.u16();
  if (found !== type || (expected !== undefined && level !== expected)) {
    throw malformed(`The ${head.what} holds a node that does not belong there.`, head.what);
  }
  return { level, entries };
}

const SOFT_LINK = 2;

async function symbolNode(file: Hdf5File, address: number | undefined, heap: Cursor, field: string): Promise<Link[]> {
  const head = await file.at(address, 8, 'symbol table node');
  head.signature('SNOD');
  head.version(1);
  head.skip(1);
  const count = head.u16();
  const node = await file.at(address! + 8, count * 40, 'symbol table node');
  return Array.from({ length: count }, () => {
    const nameAt = node.u64();
    if (nameAt > heap.bytes.length) throw malformed('A name lies outside of its heap.', field);
    const name = new Fields(heap.bytes.subarray(nameAt), 'local heap').name();
    const object = node.address();
    const cache = node.u32();
    node.skip(20);
    if (cache === SOFT_LINK || object === undefined) throw aliased(below(field, name));
    return { name, address: object };
  });
}

async function localHeap(file: Hdf5File, address: number | undefined): Promise<Cursor> {
  const head = await file.at(address, 32, 'local heap');
  head.signature('HEAP');
  head.version(0);
  head.skip(3);
  const size = head.u64();
  head.skip(8);
  return file.at(head.address(), size, 'local heap');
}

function messages(group: HeaderMessages): Link[] {
  const info = group.fields(MESSAGE.linkInfo, 'link info');
  if (info !== undefined) {
    info.version(0);
    if ((info.u8() & 1) !== 0) info.skip(8);
    if (info.address() !== undefined) {
      throw unsupported(
        'The members of the group are listed in a way that is not read here.',
        group.field,
        EARLIEST_FIX,
      );
    }
  }
  return group.all
    .filter(({ type }) => type === MESSAGE.link)
    .map(({ data }) => readLink(new Fields(data, `link of ${group.field}`), group.field));
}

const [HARD, EXTERNAL] = [0, 64];

function readLink(fields: Cursor, field: string): Link {
  fields.version(1);
  const flags = fields.u8();
  const kind = (flags & 8) === 0 ? HARD : fields.u8();
  if ((flags & 4) !== 0) fields.skip(8);
  if ((flags & 16) !== 0) fields.skip(1);
  const name = fields.text(fields.uint(1 << (flags & 3)));
  if (kind === EXTERNAL) {
    throw unsupported(
      'The member is a link into another file.',
      shown(below(field, name)),
      'Save the model into one file: h5py copies what a link leads to with File.copy(…, expand_external=True).',
    );
  }
  const address = kind === HARD ? fields.address() : undefined;
  if (address === undefined) throw aliased(below(field, name));
  return { name, address };
}

/** A second name for an object */
export function aliased(path: string): Error {
  return unsupported(
    'The member is a link to what another name leads to.',
    shown(path),
    'Save the model anew, each tensor under one name.',
  );
}
