/**
 * The nodes of an ONNX model: which values each takes and gives, and its attributes that are numbers. Only the main graph
 * is read; tensors are read by onnx.ts, under the names of the values that they are.
 * Format: https://github.com/onnx/onnx/blob/main/onnx/onnx.in.proto, IR version 14.
 */
import { RegistryError } from '../errors.ts';
import type { ByteSource } from './byte-source.ts';
import type { Range } from './protobuf.ts';
import { MessageType, repeated, single, WireReader } from './protobuf.ts';
import type { WindowedSource } from './windowed.ts';
import { windowed } from './windowed.ts';

export interface OnnxNode {
  name: string;
  /** `Gemm` for example */
  type: string;
  /** Empty for the operators of ONNX itself */
  domain: string;
  /** Names of values; empty where an optional one is left out */
  inputs: string[];
  outputs: string[];
  attributes: Map<string, number[]>;
}

export interface OnnxGraph {
  inputs: string[];
  outputs: string[];
  /** In the order of the file, where each stands behind those whose values it takes */
  nodes: OnnxNode[];
}

export const MAX_NODES = 100_000;
/** All names and numbers together, so that a file of 2 GiB does not fill the memory */
const MAX_HELD = 10_000_000;

const MODEL = new MessageType({ graph: single(7) });
const GRAPH = new MessageType({ node: repeated(1), input: repeated(11), output: repeated(12) });
const VALUE = new MessageType({ name: single(1) });
const NODE = new MessageType({
  input: repeated(1),
  output: repeated(2),
  name: single(3),
  op_type: single(4),
  attribute: repeated(5),
  domain: single(7),
});
const ATTRIBUTE = new MessageType({
  name: single(1),
  f: single(2, 'fixed32'),
  i: single(3, 'varint'),
  floats: repeated(7, 'fixed32'),
  ints: repeated(8, 'varint'),
});

/** @throws RegistryError `malformed_container`; `unsupported_container` when it is too large */
export function readOnnxGraph(source: ByteSource): Promise<OnnxGraph> {
  return new GraphReader(source).model();
}

class GraphReader {
  readonly #source: WindowedSource;
  readonly #wire: WireReader;
  #held = 0;

  constructor(source: ByteSource) {
    this.#source = windowed(source);
    this.#wire = new WireReader(source);
  }

  async model(): Promise<OnnxGraph> {
    const graph: OnnxGraph = { inputs: [], outputs: [], nodes: [] };
    for await (const field of this.#wire.fields(MODEL, { start: 0, end: this.#source.size }, 'model')) {
      await this.#graph(field, graph);
    }
    return graph;
  }

  async #graph(message: Range, { inputs, outputs, nodes }: OnnxGraph): Promise<void> {
    for await (const field of this.#wire.fields(GRAPH, message, 'graph')) {
      if (field.name === 'node') nodes.push(await this.#node(field));
      else await this.#value(field, field.name === 'input' ? inputs : outputs);
      if (nodes.length > MAX_NODES) throw tooLarge(`more than ${MAX_NODES} nodes`);
    }
  }

  async #value(message: Range, names: string[]): Promise<void> {
    for await (const field of this.#wire.fields(VALUE, message, 'graph')) names.push(await this.#text(field));
  }

  async #node(message: Range): Promise<OnnxNode> {
    const node: OnnxNode = { name: '', type: '', domain: '', inputs: [], outputs: [], attributes: new Map() };
    for await (const field of this.#wire.fields(NODE, message, 'node')) {
      if (field.name === 'attribute') await this.#attribute(field, node.attributes);
      else if (field.name === 'input') node.inputs.push(await this.#text(field));
      else if (field.name === 'output') node.outputs.push(await this.#text(field));
      else if (field.name === 'op_type') node.type = await this.#text(field);
      else node[field.name] = await this.#text(field);
    }
    return node;
  }

  async #attribute(message: Range, attributes: Map<string, number[]>): Promise<void> {
    let name = '';
    const numbers: number[] = [];
    for await (const field of this.#wire.fields(ATTRIBUTE, message, 'attribute')) {
      if (field.name === 'name') name = await this.#text(field);
      else if (field.name === 'i' || field.name === 'ints') {
        const values = await this.#wire.varints(field, MAX_HELD, 'attribute');
        this.#hold(values.length);
        for (const value of values) numbers.push(Number(BigInt.asIntN(64, value)));
      } else {
        this.#hold((field.end - field.start) / 4);
        const bytes = await this.#source.read(field.start, field.end - field.start);
        const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
        for (let at = 0; at + 4 <= bytes.length; at += 4) numbers.push(view.getFloat32(at, true));
      }
    }
    attributes.set(name, numbers);
  }

  async #text(range: Range): Promise<string> {
    this.#hold(range.end - range.start);
    return this.#wire.name(range, 'node');
  }

  #hold(count: number): void {
    this.#held += count;
    if (this.#held > MAX_HELD) throw tooLarge(`names and attributes of more than ${MAX_HELD} bytes`);
  }
}

const tooLarge = (what: string): RegistryError =>
  new RegistryError('unsupported_container', `The graph of the model has ${what}.`, { field: 'graph' });
