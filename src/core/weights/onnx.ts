/**
 * The ONNX container: a protobuf message in which the tensors of a model stand among the nodes of its graphs, or name the
 * files in which they lie. Format: https://github.com/onnx/onnx/blob/main/onnx/onnx.in.proto, IR version 14.
 *
 * All tensors of the model are read: initializers, and those in attributes of nodes, wherever in the file they stand. An
 * initializer is called as its value is, and so is what a `Constant` node makes, so moving a tensor from one to the other
 * changes nothing. Values have names of their own in each subgraph; there, the path to it stands before:
 *
 *   w                              the initializer `w` of the graph, or the Constant whose output is `w`
 *   y/mode                         the tensor in attribute `mode` of the node whose first output is `y`; `y/modes/0` in a list
 *   y/then_branch/w                `w` of the graph in attribute `then_branch` of that node; `y/branches/0/w` in a list
 *   functions/DOMAIN:NAME/w        `w` in a function of the model; `functions/DOMAIN:NAME:OVERLOAD/w` where it has that
 *   training_info/0/algorithm/w    `w` in a graph of the training; `initialization` is the other one
 *
 * A hostile file may nest graphs without end, or hold so many fields that it is never done: both are bounded.
 */
import { RegistryError } from '../errors.ts';
import type { ByteSource } from './byte-source.ts';
import type { ContainerReader, OpenedContainer, Siblings } from './container.ts';
import { shown } from './header-json.ts';
import { readOnnxGraph } from './onnx-graph.ts';
import { OnnxTensors } from './onnx-tensor.ts';
import type { Range } from './protobuf.ts';
import { MessageType, readEntry, repeated, single, WireReader } from './protobuf.ts';

export const onnx: ContainerReader = {
  container: 'onnx',
  endings: ['.onnx'],
  recognizes: looksLikeOnnx,
  open: async (source, siblings) => ({
    ...(await new ModelWalk(source, siblings).open()),
    plan: async () => ({ kind: 'onnx', graph: await readOnnxGraph(source) }),
  }),
};

const MODEL = new MessageType({
  ir_version: single(1, 'varint'),
  producer_name: single(2),
  producer_version: single(3),
  domain: single(4),
  model_version: single(5, 'varint'),
  doc_string: single(6),
  graph: single(7),
  metadata_props: repeated(14),
  training_info: repeated(20),
  functions: repeated(25),
});

const TRAINING_INFO = new MessageType({ initialization: single(1), algorithm: single(2) });

const FUNCTION = new MessageType({
  name: single(1),
  node: repeated(7),
  domain: single(10),
  overload: single(13),
  attribute_proto: repeated(11),
});

const GRAPH = new MessageType({ node: repeated(1), initializer: repeated(5), sparse_initializer: repeated(15) });

const NODE = new MessageType({ output: repeated(2), name: single(3), op_type: single(4), attribute: repeated(5) });

const ATTRIBUTE = new MessageType({
  name: single(1),
  t: single(5),
  g: single(6),
  tensors: repeated(10),
  graphs: repeated(11),
  sparse_tensor: single(22),
  sparse_tensors: repeated(23),
});

/** No reader of protobuf takes a longer message. */
export const MAX_MODEL_BYTES = 2 ** 31 - 1;
/** Readers of protobuf stop at 100 messages in each other; a graph in a graph takes three. */
export const MAX_DEPTH = 33;
/** Of up to 65,535 bytes each */
const MAX_METADATA = 1000;

class ModelWalk {
  readonly #source: ByteSource;
  readonly #wire: WireReader;
  readonly #tensors: OnnxTensors;
  readonly #metadata: [string, string][] = [];

  constructor(source: ByteSource, siblings: Siblings) {
    this.#source = source;
    this.#wire = new WireReader(source);
    this.#tensors = new OnnxTensors(source, this.#wire, siblings);
  }

  async open(): Promise<OpenedContainer> {
    const { size } = this.#source;
    if (size > MAX_MODEL_BYTES) {
      throw malformed(`The file has ${size} bytes; no ONNX model has more than ${MAX_MODEL_BYTES}.`, 'model');
    }
    await this.#model({ start: 0, end: size });
    return { tensors: this.#tensors.finish(), metadata: Object.fromEntries(this.#metadata) };
  }

  async #model(message: Range): Promise<void> {
    let [graphs, trainings] = [0, 0];
    for await (const field of this.#wire.fields(MODEL, message, 'model')) {
      const { name, value } = field;
      if (name === 'graph') {
        graphs++;
        await this.#graph(field, '', 1);
      } else if (name === 'training_info') await this.#training(field, `training_info/${trainings++}/`);
      else if (name === 'functions') await this.#function(field);
      else if (name === 'metadata_props') await this.#property(field);
      else if (name === 'ir_version' || name === 'model_version')
        this.#metadata.push([name, String(BigInt.asIntN(64, value))]);
      else {
        const text = await this.#wire.text(field, name);
        if (text !== undefined) this.#metadata.push([name, text]);
      }
    }
    if (graphs === 0) throw malformed('The model has no graph.', 'model');
  }

  async #property(entry: Range): Promise<void> {
    const [key, value] = await readEntry(this.#wire, entry, 'metadata_props');
    if (this.#metadata.length === MAX_METADATA) {
      throw malformed(`The model has more than ${MAX_METADATA} metadata.`, 'metadata_props');
    }
    this.#metadata.push([`metadata_props.${key}`, value]);
  }

  async #training(message: Range, path: string): Promise<void> {
    for await (const field of this.#wire.fields(TRAINING_INFO, message, path)) {
      await this.#graph(field, `${path}${field.name}/`, 1);
    }
  }

  async #function(message: Range): Promise<void> {
    const id = { domain: '', name: '', overload: '' };
    for await (const field of this.#wire.fields(FUNCTION, message, 'functions')) {
      const { name } = field;
      if (name === 'domain' || name === 'name' || name === 'overload')
        id[name] = await this.#wire.name(field, 'functions');
    }
    const overload = id.overload === '' ? '' : `:${id.overload}`;
    const path = `functions/${id.domain}:${id.name}${overload}/`;
    let nodes = 0;
    for await (const field of this.#wire.fields(FUNCTION, message, path)) {
      if (field.name === 'node') await this.#node(field, path, nodes++, 1);
      else if (field.name === 'attribute_proto') await this.#attribute(field, path, undefined, 1);
    }
  }

  async #graph(message: Range, path: string, depth: number): Promise<void> {
    const where = path === '' ? 'graph' : path;
    if (depth > MAX_DEPTH) throw malformed(`Graphs stand in each other more than ${MAX_DEPTH} deep.`, where);
    let nodes = 0;
    for await (const field of this.#wire.fields(GRAPH, message, where)) {
      if (field.name === 'node') await this.#node(field, path, nodes++, depth);
      else if (field.name === 'sparse_initializer') throw sparse(where);
      else {
        await this.#tensors.add(field, where, (own) => {
          if (own === undefined || own === '') throw malformed('An initializer has no name.', where);
          return `${path}${own}`;
        });
      }
    }
  }

  /** Fields stand in any order, so what a node is called is looked for first. */
  async #node(message: Range, path: string, index: number, depth: number): Promise<void> {
    let [output, name, isConstant, attributes] = ['', '', false, 0];
    const where = `${path}${index}`;
    for await (const field of this.#wire.fields(NODE, message, where)) {
      if (field.name === 'attribute') attributes++;
      else if (field.name === 'name') name = await this.#wire.name(field, where);
      else if (field.name === 'op_type') isConstant = (await this.#wire.name(field, where)) === 'Constant';
      else if (output === '') output = await this.#wire.name(field, where);
    }
    if (attributes === 0) return;
    const called = [output, name].find((one) => one !== '') ?? String(index);
    for await (const field of this.#wire.fields(NODE, message, where)) {
      if (field.name !== 'attribute') continue;
      await this.#attribute(field, `${path}${called}/`, isConstant ? `${path}${called}` : undefined, depth);
    }
  }

  /** @param constant what the tensor in an attribute `value` is called, if there is a better name than its path */
  async #attribute(message: Range, path: string, constant: string | undefined, depth: number): Promise<void> {
    let name = '';
    let holds = false;
    for await (const field of this.#wire.fields(ATTRIBUTE, message, path)) {
      if (field.name === 'name') name = await this.#wire.name(field, path);
      else holds = true;
    }
    if (!holds) return;
    const here = `${path}${name}`;
    let [tensors, graphs] = [0, 0];
    for await (const field of this.#wire.fields(ATTRIBUTE, message, path)) {
      if (field.name === 't') {
        await this.#tensors.add(field, here, () => (name === 'value' ? (constant ?? here) : here));
      } else if (field.name === 'tensors') {
        const listed = `${here}/${tensors++}`;
        await this.#tensors.add(field, here, () => listed);
      } else if (field.name === 'g') await this.#graph(field, `${here}/`, depth + 1);
      else if (field.name === 'graphs') await this.#graph(field, `${here}/${graphs++}/`, depth + 1);
      else if (field.name !== 'name') throw sparse(here);
    }
  }
}

/**
 * ONNX has no magic. Its writers begin with the IR version and come to the graph after a few fields, all of which are known;
 * other messages, a SavedModel of TensorFlow for example, have no graph there.
 */
async function looksLikeOnnx(source: ByteSource): Promise<boolean> {
  if (source.size < 4 || source.size > MAX_MODEL_BYTES || (await source.read(0, 1))[0] !== IR_VERSION_TAG) return false;
  try {
    for await (const { name } of new WireReader(source, FIELDS_TO_GRAPH).fields(
      MODEL,
      { start: 0, end: source.size },
      'model',
    )) {
      if (name === 'graph') return true;
    }
  } catch (error) {
    if (!(error instanceof RegistryError)) throw error;
  }
  return false;
}

/** Field 1, a varint */
const IR_VERSION_TAG = 0x08;
const FIELDS_TO_GRAPH = 20;

const sparse = (where: string): RegistryError =>
  new RegistryError('unsupported_container', 'Sparse tensors are not read here.', {
    field: shown(where),
    fix: 'Write the tensor with all its elements.',
  });

const malformed = (sentence: string, field: string): RegistryError =>
  new RegistryError('malformed_container', sentence, { field: shown(field) });
