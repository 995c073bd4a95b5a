/** Exact bounds on a share that was seen in trials (Clopper and Pearson 1934), one-sided. */

/** @returns the least share with which `hits` or more of `trials` would be seen in `1 − confidence` of the cases */
export function lowerBound(hits: number, trials: number, confidence = 0.95): number {
  if (hits === 0) return 0;
  return bisect((share) => atLeast(hits, trials, share) < 1 - confidence);
}

/** @returns the greatest share with which `hits` or fewer of `trials` would be seen in `1 − confidence` of the cases */
export function upperBound(hits: number, trials: number, confidence = 0.95): number {
  return 1 - lowerBound(trials - hits, trials, confidence);
}

/** Where `isBelow` turns false, between 0 and 1. */
function bisect(isBelow: (share: number) => boolean): number {
  let [low, high] = [0, 1];
  while (high - low > 1e-12) {
    const middle = (low + high) / 2;
    if (isBelow(middle)) low = middle;
    else high = middle;
  }
  return low;
}

/** The chance of `hits` or more of `trials`, summed from the largest hit down so that small terms are not lost. */
function atLeast(hits: number, trials: number, share: number): number {
  let sum = 0;
  let logTerm = trials * Math.log(share);
  for (let k = trials; k >= hits; k--) {
    sum += Math.exp(logTerm);
    logTerm += Math.log((k / (trials - k + 1)) * ((1 - share) / share));
  }
  return sum;
}
