/**
 * What becomes of a judgement where an edge of the lineage was contradicted. The edge counts all the same: a finding of the
 * registry frees nobody of an obligation that a maker declared. What the model came from instead nobody knows, so to a
 * careful reader it is UNKNOWN.
 */
import { NO_ASSERTION } from './expression.ts';
import type { Finding, Judgement } from './judgement.ts';
import { worstFirst } from './judgement.ts';
import type { Lineage, LineageEdge, Reached } from './lineage.ts';
import { pathTo } from './lineage.ts';

/** Edges that stand contradicted, on the way to an ancestor that was reached. */
export const contradictedAmong = ({ edges }: Lineage, reached: readonly Reached[]): LineageEdge[] =>
  edges.filter(({ child, standing }) => standing === 'contradicted' && reached.some(({ node }) => node === child));

export function doubted(judged: Judgement, edges: readonly LineageEdge[], reached: readonly Reached[]): Judgement {
  if (edges.length === 0) return judged;
  const doubts = edges.map((edge): Finding => {
    const at = reached.find(({ node }) => node === edge.child)!;
    const text = `That "${edge.child}" is ${edge.relation} "${edge.parent}" was found not to be true; what it came from instead is not known.`;
    return {
      verdict: 'UNKNOWN',
      rule: null,
      does: 'unknown',
      license: NO_ASSERTION,
      clause: null,
      source: null,
      text,
      asks: [],
      wayOut: `Have the maker of "${edge.child}" show what it came from, or have the edge checked again.`,
      from: [edge.child],
      place: at.place,
      path: pathTo(at),
      explanation: text,
    };
  });
  const obstacles = [...judged.obstacles, ...doubts].sort(worstFirst);
  return { ...judged, verdict: obstacles[0]!.verdict, permissions: { actions: [], commercial: false }, obstacles };
}
