/** The least that could answer a look-up: one route, one prepared query, the answer as it lies in the row. */
import { fastify } from 'fastify';
import pg from 'pg';

const pool = new pg.Pool({ connectionString: process.env['DATABASE_URL'], max: 10 });
const app = fastify();

app.get<{ Params: { digest: string } }>('/v1/provenance/:digest', async (request, reply) => {
  const { rows } = await pool.query<{ answer: string }>({
    name: 'lookup',
    text: 'SELECT answer FROM bench_lookup WHERE digest = $1',
    values: [request.params.digest],
  });
  if (rows[0] === undefined) return reply.code(404).send();
  return reply.type('application/json').send(rows[0].answer);
});

console.log(await app.listen({ port: 0, host: '127.0.0.1' }));
