/**
 * What a mark is made of. A key has for each bit two secret directions x and y, and the bit is the sign of
 *
 *   s = Σ_i r_i · (x·u_i) · (y·u_i)
 *
 * over the neurons of a layer, u_i their directions and r_i their strengths (core/fingerprint/neurons): an entry of the
 * neurons' second moment, in coordinates that the key alone knows. A sum has no order, and directions and strengths no
 * scale. Beside the deviation σ = √(Σ r_i² (y·u_i)²) that s has over all x, one knows how far from chance it is.
 *
 * The first moment, Σ r_i (x·u_i), would carry bits as well, and go with the mean that whoever knows the method subtracts.
 */
import type { Neurons } from '../fingerprint/neurons.ts';
import { rowAt } from '../fingerprint/projection.ts';
import type { Mark } from './key.ts';
import { MARK_BITS } from './key.ts';

export interface Moments {
  /** `[MARK_BITS]`: s/σ, or 0 where nothing is to be seen */
  values: Float64Array;
  deviations: Float64Array;
  /** x·u and y·u, `[MARK_BITS][units]` */
  projections: readonly [Float64Array, Float64Array];
}

export function momentsOf({ directions, strengths }: Neurons, mark: Mark): Moments {
  const units = directions.count;
  const projections = mark.directions.map((signs) => {
    const result = new Float64Array(MARK_BITS * units);
    for (let unit = 0; unit < units; unit++) {
      const row = rowAt(directions, unit);
      for (let bit = 0, at = 0; bit < MARK_BITS; bit++) {
        let sum = 0;
        for (let i = 0; i < row.length; i++, at++) sum += row[i]! * signs[at]!;
        result[bit * units + unit] = sum;
      }
    }
    return result;
  }) as [Float64Array, Float64Array];
  const [first, second] = projections;
  const values = new Float64Array(MARK_BITS);
  const deviations = new Float64Array(MARK_BITS);
  for (let bit = 0; bit < MARK_BITS; bit++) {
    let moment = 0;
    let squares = 0;
    for (let unit = 0; unit < units; unit++) {
      const weight = strengths[unit]! * second[bit * units + unit]!;
      moment += weight * first[bit * units + unit]!;
      squares += weight * weight;
    }
    deviations[bit] = Math.sqrt(squares);
    values[bit] = squares > 0 ? moment / deviations[bit]! : 0;
  }
  return { values, deviations, projections };
}
