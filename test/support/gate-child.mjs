/** A service behind a gate, for tests that kill it: answers "served" on the port that it prints. */
import { createServer } from 'node:http';
import process from 'node:process';
import { expressGate, Gate } from '../../dist/src/gate/index.js';

const gate = new Gate({
  ...JSON.parse(process.argv[2]),
  purpose: () => ({ action: 'infer', commercial: false }),
});
const check = expressGate(gate);
const server = createServer((request, response) => {
  check(request, response, (error) => {
    response.writeHead(error === undefined ? 200 : 500).end(error === undefined ? 'served' : String(error));
  });
});
server.listen(0, '127.0.0.1', () => process.stdout.write(`${server.address().port}\n`));
process.once('SIGTERM', () => {
  server.closeAllConnections();
  server.close(() => void gate.close().then(() => process.exit(0)));
});
