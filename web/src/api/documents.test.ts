import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { buildSchema, parse, validate } from 'graphql';
import { describe, expect, it } from 'vitest';
import { mutations, queries, searchPages, subscriptions } from './documents';

const path = fileURLToPath(new URL('../../../gateway/graphql/schema.graphql', import.meta.url));
const schema = buildSchema(readFileSync(path, 'utf8'));

describe.each(Object.entries({ queries, searchPages, mutations, subscriptions }))('%s', (_, documents) => {
  it.each(Object.entries(documents))('%s is valid against the gateway’s schema', (_name, text) => {
    const errors = validate(schema, parse(text));

    expect(errors.map((it) => it.message)).toEqual([]);
  });
});
