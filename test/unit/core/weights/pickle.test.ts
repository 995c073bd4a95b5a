import { describe, expect, test } from '@jest/globals';
import { concat, utf8 } from '../../../../src/core/bytes.ts';
import {
  PickleCall,
  PickleDict,
  PickleGlobal,
  PickleList,
  PicklePersistent,
  PickleTuple,
} from '../../../../src/core/weights/pickle-values.ts';
import { MAX_PICKLE_BYTES, readPickle } from '../../../../src/core/weights/pickle.ts';
import { allowGlobal } from '../../../../src/core/weights/torch-globals.ts';
import { viewsIn } from '../../../../src/core/weights/torch-pickle.ts';

/** A pickle of protocol 2, its opcodes as latin-1. */
const pickle = (opcodes: string) => Uint8Array.from(`\x80\x02${opcodes}`, (c) => c.charCodeAt(0));
const read = (opcodes: string, allow: (name: string) => void = () => undefined) =>
  readPickle(pickle(opcodes), { field: 'data.pkl', allow });
const valueOf = (opcodes: string) => read(opcodes).value;
const u32 = (n: number) => String.fromCharCode(n & 255, (n >>> 8) & 255, (n >>> 16) & 255, n >>> 24);

describe('a pickle', () => {
  test.each<[string, string, unknown]>([
    ['None', 'N.', null],
    ['True', '\x88.', true],
    ['False', '\x89.', false],
    ['a byte', 'K\xff.', 255],
    ['two bytes', 'M\x01\x02.', 513],
    ['a negative number', 'J\xfe\xff\xff\xff.', -2],
    ['a long zero', '\x8a\x00.', 0],
    ['a long number', '\x8a\x02\x00\xff.', -256],
    ['a number past 2^53', '\x8a\x09\x00\x00\x00\x00\x00\x00\x00\x00\x01.', 2n ** 64n],
    ['a negative one', `\x8b${u32(8)}${'\x00'.repeat(7)}\x80.`, -(2n ** 63n)],
    ['a fraction', 'G\x3f\xe0\x00\x00\x00\x00\x00\x00.', 0.5],
    ['a text', 'X\x03\x00\x00\x00a\xc3\xa4.', 'aä'],
    ['a short text', '\x8c\x02\xc3\xa4.', 'ä'],
    ['a long text', '\x8d\x01\x00\x00\x00\x00\x00\x00\x00a.', 'a'],
    ['a text of Python 2', 'U\x01a.', 'a'],
    ['bytes of Python 2', 'U\x01\xff.', Uint8Array.of(255)],
    ['bytes', 'C\x02\x00\xff.', Uint8Array.of(0, 255)],
    ['a frame', '\x95\x02\x00\x00\x00\x00\x00\x00\x00K\x01.', 1],
    ['the value on top', 'K\x010K\x02.', 2],
    ['a value remembered', 'K\x07q\x000h\x00.', 7],
    ['a value remembered far away', `K\x07r${u32(300)}0j${u32(300)}.`, 7],
    ['a value remembered in words', 'K\x07p3\n0g3\n.', 7],
    ['a value remembered in turn', 'K\x07\x94K\x08\x9400h\x01.', 8],
    ['a value twice', 'K\x072\x86.', new PickleTuple([7, 7])],
    ['what is below a mark', 'K\x01(K\x02K\x031.', 1],
    [
      'tuples',
      '(K\x01)\x85K\x02K\x03\x86t.',
      new PickleTuple([1, new PickleTuple([new PickleTuple([])]), new PickleTuple([2, 3])]),
    ],
  ])('gives %s', (_, opcodes, value) => expect(valueOf(opcodes)).toEqual(value));

  test('gives lists, dicts and sets as they were filled', () => {
    for (const opcodes of [']K\x01a(K\x02K\x03e.', '(K\x01K\x02K\x03l.']) {
      const list = valueOf(opcodes);
      expect(list).toBeInstanceOf(PickleList);
      expect(list).toMatchObject({ items: [1, 2, 3] });
    }
    for (const opcodes of ['}K\x01K\x02s(K\x03K\x04u.', '(K\x01K\x02K\x03K\x04d.']) {
      const dict = valueOf(opcodes);
      expect(dict).toBeInstanceOf(PickleDict);
      expect(dict).toMatchObject({ pairs: [1, 2, 3, 4] });
    }
    expect(valueOf('\x8f(K\x01K\x02\x90.')).toMatchObject({ callee: { name: 'builtins.set' }, items: [1, 2] });
    expect(valueOf('(K\x01\x91.')).toMatchObject({ callee: { name: 'builtins.frozenset' }, items: [1] });
  });

  test.each([
    ['REDUCE', 'cos\nsystem\nX\x02\x00\x00\x00ls\x85R.'],
    ['REDUCE after STACK_GLOBAL', '\x8c\x02os\x8c\x06system\x93\x8c\x02ls\x85R.'],
    ['NEWOBJ', 'cos\nsystem\n\x8c\x02ls\x85\x81.'],
    ['INST', '(\x8c\x02lsios\nsystem\n.'],
    ['OBJ', '(cos\nsystem\n\x8c\x02lso.'],
  ])('writes a call by %s down and does not make it', (_, opcodes) => {
    const call = valueOf(opcodes);
    expect(call).toBeInstanceOf(PickleCall);
    expect(call).toEqual(new PickleCall(new PickleGlobal('os.system'), ['ls']));
  });

  test('writes down named arguments, state and what is put into the result', () => {
    const call = valueOf('cx\ny\n)}\x8c\x01aK\x01s\x92K\x05bK\x06aK\x07K\x08s.');
    expect(call).toMatchObject({ callee: { name: 'x.y' }, state: 5, items: [6], pairs: [7, 8] });
    expect((call as PickleCall).args).toMatchObject([{ pairs: ['a', 1] }]);
  });

  test('tells what its writer keeps elsewhere, and where it ends', () => {
    const bytes = concat(utf8('before'), pickle('K\x01QK\x02Q\x86.'), utf8('behind'));
    const result = readPickle(bytes, { start: 6, field: 'x', allow: () => undefined });
    expect(result.persistent).toEqual([new PicklePersistent(1), new PicklePersistent(2)]);
    expect(result.end).toBe(bytes.length - 6);
  });

  test.each<[string, string]>([
    ['nothing', ''],
    ['no end', 'K\x01'],
    ['an end without a value', '.'],
    ['a protocol of the future', '\x80\x06N.'],
    ['a text of 2^31 bytes', `X${u32(2 ** 31)}a.`],
    ['a text of 2^64 - 1 bytes', `\x8d${u32(2 ** 32 - 1)}${u32(2 ** 32 - 1)}a.`],
    ['a text of −1 bytes', `T${u32(2 ** 32 - 1)}a.`],
    ['bytes of 2^63', `\x8e${u32(0)}${u32(2 ** 31)}a.`],
    ['a number of 2^31 - 1 bytes', `\x8b${u32(2 ** 31 - 1)}a.`],
    ['a number of −2^31 bytes', `\x8b${u32(2 ** 31)}a.`],
    ['a number of more bytes than anyone needs', `\x8b${u32(1025)}${'a'.repeat(1025)}.`],
    ['a frame longer than the file', `\x95${u32(100)}${u32(0)}N.`],
    ['a text that is not UTF-8', '\x8c\x01\xff.'],
    ['a memo of 2^31', `Nr${u32(2 ** 31)}.`],
    ['a memo of 10^10 in words', 'Np99999999999\n.'],
    ['a memo of −1', 'Np-1\n.'],
    ['a value that was never remembered', 'h\x00.'],
    ['a hole in the memo', 'K\x01q\x05h\x03.'],
    ['a line without an end', 'cos'],
    ['a line of 2,000 bytes', `c${'a'.repeat(2000)}\nb\n.`],
    ['a mark that is not there', 't.'],
    ['a tuple across a mark', 'K\x01(K\x02\x86.'],
    ['the memo of a mark', '(q\x00.'],
    ['an item of a number', 'K\x01K\x02a.'],
    ['an item of a global', 'cos\nenviron\nK\x01K\x02s.'],
    ['a key without a value', '}(K\x01u.'],
    ['a call of a text', '\x8c\x02os)R.'],
    ['a call of a call', 'cx\ny\n)R)R.'],
    ['a call with a list', 'cx\ny\n]R.'],
    ['a call of nothing', '(o.'],
    ['named arguments that are a tuple', 'cx\ny\n))\x92.'],
    ['a state of a global', 'cx\ny\n}b.'],
    ['a state of a list', ']}b.'],
    ['two states', 'cx\ny\n)R}b}b.'],
    ['a global named by numbers', 'K\x01K\x02\x93.'],
  ])('with %s is refused', (_, opcodes) => {
    expect(() => read(opcodes)).toThrow(expect.objectContaining({ code: 'malformed_container', field: 'data.pkl' }));
  });

  test.each([
    'I1\n.',
    'F1.0\n.',
    'S"a"\n.',
    'Va\n.',
    'Pid\n.',
    '\x82\x01.',
    '\x83\x01\x00.',
    '\x84\x01\x00\x00\x00.',
    '\x97.',
    '\xff.',
  ])('with the opcode of %j is named as not read here', (opcodes) => {
    expect(() => read(opcodes)).toThrow(expect.objectContaining({ code: 'unsupported_container', field: 'data.pkl' }));
  });

  test('cut anywhere is refused', () => {
    const whole = pickle('}(\x8c\x01acx\ny\n(K\x01M\x02\x00tR\x8c\x01bG\x3f\xe0\x00\x00\x00\x00\x00\x00q\x00Ku.');
    for (let length = 0; length < whole.length - 1; length++) {
      expect(() => readPickle(whole.subarray(0, length), { field: 'p', allow: () => undefined })).toThrow(
        expect.objectContaining({ code: 'malformed_container' }),
      );
    }
  });

  test.each<[string, string]>([
    ['lists in lists', ']'],
    ['values that are never taken', 'N'],
    ['marks', '('],
    ['tuples around tuples', '\x85'],
    ['dicts', '}'],
    ['remembering', 'q\x00'],
  ])('of %s and nothing else, as long as may be, is refused in time', (_, opcode) => {
    const long = new Uint8Array(MAX_PICKLE_BYTES).fill(opcode.charCodeAt(0));
    long[0] = 0x4e;
    if (opcode.length > 1) for (let at = 2; at < long.length; at += 2) long[at] = 0;
    expect(() => readPickle(long, { field: 'p', allow: () => undefined })).toThrow(
      expect.objectContaining({ code: 'malformed_container' }),
    );
  });
});

describe('the globals of a pickle by torch.save', () => {
  const weights = (opcodes: string) => viewsIn(read(opcodes, allowGlobal).value);

  test.each([
    ['os.system', 'cos\nsystem\n\x8c\x02id\x85R.'],
    ['posix.system', '\x8c\x05posix\x8c\x06system\x93\x8c\x02id\x85R.'],
    ['builtins.eval', '(\x8c\x011ibuiltins\neval\n.'],
    ['builtins.exec', '(cbuiltins\nexec\n\x8c\x011o.'],
    ['builtins.getattr', 'cbuiltins\ngetattr\n\x8c\x01aN\x86R.'],
    ['subprocess.Popen', 'csubprocess\nPopen\n]\x8c\x02ida\x85\x81.'],
    ['webbrowser.open', 'cwebbrowser\nopen\n)}\x92.'],
    ['__main__.Net', 'c__main__\nNet\n)R}b.'],
    ['__builtin__.__import__', 'c__builtin__\n__import__\n\x8c\x02os\x85R.'],
    ['os.environ', 'cos\nenviron\n.'],
    ['torch.hub.load', 'ctorch.hub\nload\n\x8c\x01a\x85R.'],
    ['torch.storage._load_from_bytes', 'ctorch.storage\n_load_from_bytes\nC\x01a\x85R.'],
    ['collections.OrderedDict.fromkeys', '\x8c\x0bcollections\x8c\x14OrderedDict.fromkeys\x93)R.'],
  ])('are refused where one is %s, however it is used', (name, opcodes) => {
    expect(() => weights(opcodes)).toThrow(
      expect.objectContaining({ code: 'unsupported_container', field: name, fix: expect.any(String) }),
    );
  });

  test.each([
    ['torch._utils._rebuild_qtensor', 'Quantized'],
    ['torch.QInt8Storage', 'Quantized'],
    ['torch.QUInt4x2Storage', 'Quantized'],
    ['torch.quint8', 'Quantized'],
    ['torch._utils._rebuild_sparse_tensor', 'Sparse'],
    ['torch._utils._rebuild_sparse_csr_tensor', 'Sparse'],
    ['torch._utils._rebuild_nested_tensor', 'Nested'],
    ['torch.ComplexDoubleStorage', 'this type'],
    ['torch.float4_e2m1fn_x2', 'this type'],
    ['torch._utils._rebuild_meta_tensor_no_storage', 'without a storage'],
    ['__torch__.torch.nn.Linear', 'TorchScript'],
  ])('are refused by their kind for %s', (name, words) => {
    expect(() => allowGlobal(name)).toThrow(
      expect.objectContaining({ code: 'unsupported_container', field: name, message: expect.stringContaining(words) }),
    );
  });

  test('may be plain values, which hold no tensor', () => {
    expect(weights('}\x8c\x01acargparse\nNamespace\n)R}\x8c\x02lrK\x01sbs.')).toEqual([]);
  });

  test.each([
    ['a list that holds itself', ']q\x00h\x00a.'],
    ['a dict that holds itself', '}q\x00\x8c\x01ah\x00s.'],
    ['an object whose state is the object', 'cargparse\nNamespace\n)Rq\x00h\x00b.'],
  ])('end for %s', (_, opcodes) => expect(weights(opcodes)).toEqual([]));

  test('nested 250 deep are refused', () => {
    expect(() => weights(`${']'.repeat(250)}${'a'.repeat(249)}.`)).toThrow(
      expect.objectContaining({ code: 'malformed_container' }),
    );
  });

  test('that make much of little are refused in time', () => {
    const laughs = `]q\x00${Array.from({ length: 60 }, (_, i) => `]h${String.fromCharCode(i)}ah${String.fromCharCode(i)}aq${String.fromCharCode(i + 1)}`).join('')}.`;
    expect(() => weights(laughs)).toThrow(expect.objectContaining({ code: 'malformed_container' }));
  });

  test('with a key twice are refused', () => {
    expect(() => weights('}\x8c\x01a]s\x8c\x01aNs.')).toThrow(
      expect.objectContaining({ code: 'malformed_container', field: 'a' }),
    );
    expect(() => weights('}K\x01]s\x88Ns.')).toThrow(expect.objectContaining({ code: 'malformed_container' }));
  });
});
