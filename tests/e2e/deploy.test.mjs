// What deploy/ and docs/operating.md tell people to type is what the program takes.

import assert from 'node:assert/strict';
import { existsSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { test } from 'node:test';
import { program, run, temporaryFolder } from './support/server.mjs';

const source = path.join(import.meta.dirname, '../..');
const read = (name) => readFileSync(path.join(source, name), 'utf8');
const help = run(program, ['serve', '--help']).stdout;
const known = new Set(help.match(/--[a-z][a-z0-9-]*/g));

/** Each `serve` with its options: lines that end in a backslash, or lists of YAML, are one. */
function served(text) {
  const joined = text.replace(/\\\n\s*/g, ' ').replace(/\n\s*- +/g, ' ');
  return joined.split('\n').filter((line) => /\bserve\b.*--[a-z]/.test(line));
}

for (const name of ['deploy/musicstream.service', 'docs/operating.md', 'README.md']) {
  test(`${name}: serve knows each option`, () => {
    const lines = served(read(name));
    const options = lines.flatMap((line) => line.slice(line.indexOf('serve')).match(/(?<=[\s"'[,])--[a-z][a-z0-9-]*/g) ?? []);
    assert.deepEqual(options.filter((option) => !known.has(option)), [], lines.join('\n'));
    if (name !== 'README.md') assert.ok(options.length > 0, 'there is something to look at');
  });
}

test('deploy/musicstream.conf names options that there are', () => {
  const names = [...read('deploy/musicstream.conf').matchAll(/^[;#]?\s?([a-z_]+) = /gm)].map(([, name]) => name);
  assert.ok(names.length > 2);
  assert.deepEqual(names.filter((name) => !known.has(`--${name.replaceAll('_', '-')}`)), []);
});

test('deploy/musicstream.conf has each option of a cluster, and the program takes them all together', () => {
  const text = read('deploy/musicstream.conf');
  // What docs/operating.md lists for a cluster, and what the options' own help says of other nodes.
  const rows = [...read('docs/operating.md').matchAll(/^\| `([a-z_]+)`(?:, `([a-z_]+)`)? \|/gm)].flatMap(([, one, two]) => (two ? [one, two] : [one]));
  const wanted = [...rows.filter((name) => known.has(`--${name.replaceAll('_', '-')}`)), 'cookie_domain', 'database', 'database_direct', 'database_replica'];
  for (const name of ['cluster_key_file', 'cluster_listen', 'cluster_advertise', 'public_url', 'media_listen', 'role', 'weight', 'zone', 'cluster_profile'])
    assert.ok(wanted.includes(name), `docs/operating.md has ${name}`);
  assert.deepEqual(wanted.filter((name) => !new RegExp(`^; ${name} = \\S`, 'm').test(text)), []);

  const folder = temporaryFolder();
  const file = path.join(folder, 'musicstream.conf');
  writeFileSync(file, text.replaceAll(/^; ([a-z_]+ = )/gm, '$1'));
  const said = run(program, ['config', '--config', file], { mayFail: true });
  rmSync(folder, { recursive: true });
  assert.equal(said.status, 0, said.stderr);
  for (const name of wanted) assert.match(said.stdout, new RegExp(`^${name} = .*; .*file`, 'm'), name);
});

test('variables in deploy/compose.yaml are options, too', () => {
  const names = [...read('deploy/compose.yaml').matchAll(/MUSICSTREAM_([A-Z_]+)/g)].map(([, name]) => name.toLowerCase().replaceAll('_', '-'));
  assert.ok(names.length > 2);
  assert.deepEqual(names.filter((name) => !known.has(`--${name}`)), []);
});

test('systemd finds nothing wrong with the unit', { skip: !existsSync('/usr/bin/systemd-analyze') }, () => {
  const folder = temporaryFolder();
  const unit = path.join(folder, 'musicstream.service');
  writeFileSync(unit, read('deploy/musicstream.service').replaceAll('/usr/local/bin/musicstream', program));
  const said = run('systemd-analyze', ['verify', unit], { mayFail: true });
  rmSync(folder, { recursive: true });
  assert.equal(said.status, 0, said.stderr);
  assert.equal(said.stderr, '');
});
