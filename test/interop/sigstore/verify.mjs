/**
 * Judges bundles with the stock `@sigstore/verify`, on Node 24.
 *
 * Standard input:  {"trustedRoot", "keys": {hint: SPKI in base64}, "bundles": [object, ...]}
 * Standard output: ["accepted" | "refused: <code> <message>", ...]
 */
import { bundleFromJSON } from '@sigstore/bundle';
import { TrustedRoot } from '@sigstore/protobuf-specs';
import { toSignedEntity, toTrustMaterial, Verifier } from '@sigstore/verify';
import { Buffer } from 'node:buffer';
import process from 'node:process';
import { text } from 'node:stream/consumers';

const { trustedRoot, keys, bundles } = JSON.parse(await text(process.stdin));
const known = Object.fromEntries(
  Object.entries(keys).map(([hint, spki]) => [hint, { rawBytes: Buffer.from(spki, 'base64') }]),
);
const verifier = new Verifier(toTrustMaterial(TrustedRoot.fromJSON(trustedRoot), known));
const verdicts = bundles.map((bundle) => {
  try {
    verifier.verify(toSignedEntity(bundleFromJSON(bundle)));
    return 'accepted';
  } catch (error) {
    return `refused: ${error.code ?? error.name} ${error.message}`;
  }
});
process.stdout.write(JSON.stringify(verdicts));
