// graphql.test.mjs -- GraphQL over HTTP by graphql-http's audits, and the schema by graphql-js: what the node
// tells of itself is what gateway/graphql/schema.graphql says.

import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import path from 'node:path';
import { after, before, test } from 'node:test';
import {
  buildClientSchema, buildSchema, findBreakingChanges, findDangerousChanges, getIntrospectionQuery,
  lexicographicSortSchema, printSchema,
} from 'graphql';
import { serverAudits } from 'graphql-http';
import { source, startServer } from '../e2e/support/server.mjs';

let server, token;

before(async () => {
  server = await startServer({ music: null });
  await server.setUp();
  token = server.command('token', 'ana').stdout.trim();
});

after(() => server.stop());

function withToken(address, options = {}) {
  return fetch(address, { ...options, headers: { ...options.headers, Authorization: `Bearer ${token}` } });
}

test('the token of the command line signs in', async () => {
  assert.match(token, /^[\w-]+\.[\w-]+\.[\w-]+$/);
  assert.equal((await withToken(`${server.origin}/api/v1/session`)).status, 200);
});

test('every audit of graphql-http passes, without a warning', async (t) => {
  const audits = serverAudits({ url: `${server.origin}/graphql`, fetchFn: withToken });
  assert.ok(audits.length >= 60, `${audits.length} audits`);
  const results = await Promise.all(audits.map((audit) => audit.fn()));
  const bad = [];
  for (const result of results)
    if (result.status !== 'ok')
      bad.push(`${result.status} ${result.id} ${result.name}: ${result.reason} (${result.response?.status})`);
  t.diagnostic(`${results.length - bad.length} of ${results.length} audits are ok`);
  assert.deepEqual(bad, []);
});

async function introspected() {
  const query = getIntrospectionQuery({ descriptions: true, schemaDescription: true });
  const response = await withToken(`${server.origin}/graphql`, {
    method: 'POST', headers: { 'Content-Type': 'application/json' }, body: JSON.stringify({ query }),
  });
  const { data, errors } = await response.json();
  assert.equal(errors, undefined);
  return buildClientSchema(data);
}

test('the introspected schema is the schema of the source', async () => {
  const file = readFileSync(path.join(source, 'gateway/graphql/schema.graphql'), 'utf8');
  const wanted = lexicographicSortSchema(buildSchema(file));
  const told = lexicographicSortSchema(await introspected());
  assert.equal(printSchema(told), printSchema(wanted));
  // graphql-js lets @deprecated stand on directives, too: that is newer than the language of June 2018.
  const breaking = findBreakingChanges(wanted, told)
    .filter(({ description }) => description !== 'DIRECTIVE_DEFINITION was removed from deprecated.');
  assert.deepEqual(breaking, []);
  assert.deepEqual(findDangerousChanges(wanted, told), []);
});
