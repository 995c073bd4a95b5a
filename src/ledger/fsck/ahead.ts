/** Work handed to several workers in turn, one thing each at a time, and its results in order. */

/**
 * @param next tells what comes, undefined at the end; asked for one thing at a time
 * @param work is done with a thing while those before it are still looked at
 */
export async function* inOrder<Worker, Thing, Result>(
  workers: readonly Worker[],
  next: () => Promise<Thing | undefined>,
  work: (worker: Worker, thing: Thing) => Promise<Result>,
): AsyncGenerator<Result> {
  let told: Promise<Thing | undefined> = Promise.resolve(undefined);
  const begin = (worker: Worker): { worker: Worker; result: Promise<Result | undefined> } => {
    told = told.then(next);
    const result = told.then((thing) => (thing === undefined ? undefined : work(worker, thing)));
    // What fails is told when its turn comes.
    result.catch(() => undefined);
    return { worker, result };
  };
  const ahead = workers.map(begin);
  for (let first = ahead.shift(); first !== undefined; first = ahead.shift()) {
    const result = await first.result;
    if (result === undefined) return;
    yield result;
    ahead.push(begin(first.worker));
  }
}
