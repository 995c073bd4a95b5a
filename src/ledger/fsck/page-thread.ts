/** The other side of `threads.ts`: a thread that does what it is told with one page at a time. */
import { parentPort, workerData } from 'node:worker_threads';
import { sha256, verifyP256 } from '../../platform/crypto.ts';
import type { Looked } from './page-fold.ts';
import type { WorkerSetup } from './page-worker.ts';
import { LocalWorker } from './page-worker.ts';
import type { Answer, Order } from './threads.ts';

const port = parentPort!;
const worker = new LocalWorker(workerData as WorkerSetup, sha256, verifyP256);
let looked: ((answer: Looked) => void) | undefined;

const say = (answer: Answer, transfer: ArrayBuffer[] = []): void => port.postMessage(answer, transfer);

async function obey(order: Exclude<Order, { looked: unknown }>): Promise<void> {
  switch (order.call) {
    case 'read': {
      const page = await worker.read(order.task);
      return say({ done: page }, [page.hashes.buffer, page.standing.buffer, page.namings.buffer]);
    }
    case 'fold':
      await worker.fold((keys) => {
        say({ lookUp: keys });
        return new Promise((resolve) => (looked = resolve));
      });
      return say({ done: undefined });
    case 'compare':
      return say({ done: await worker.compare(order.rows) });
    case 'finish':
      return say({ done: await worker.finish() });
    case 'map':
      return say({ done: await worker.map(order.task) });
  }
}

port.on('message', (order: Order) => {
  if ('looked' in order) looked?.(order.looked);
  else obey(order).catch((error: unknown) => say({ failed: error }));
});
