// search_index.test.mjs -- the search index of a node: asked by the command line, built while it serves, damaged, killed.

import assert from 'node:assert/strict';
import { existsSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { after, before, test } from 'node:test';
import { spawn } from 'node:child_process';
import { program, run, startServer, until } from './support/server.mjs';

const KILLS = Math.max(1, Math.round(10 * Number(process.env.MS_ROUNDS ?? 1)));
let server;
before(async () => {
  server = await startServer({ database: false, flags: ['--watch=false'] });
  await server.setUp();
  await server.scanned(12);
});
after(() => server.stop());

const file = (name) => path.join(server.data, name);
const search = (...words) => server.command('search', ...words);
const found = (...words) => JSON.parse(search(...words, '--json').stdout).hits.map(({ title }) => title);
const metric = async (name) =>
  Number(new RegExp(`^musicstream_search_${name} (\\d+)$`, 'm').exec(await (await fetch(`${server.origin}/metrics`)).text())[1]);

test('the command line says what was found, how, and what was meant', async () => {
  assert.match(search('window', 'seat').stdout, /^track\s+Window Seat — The Paper Lanterns$/m);
  const meant = search('windw', 'seat', '--explain');
  assert.match(meant.stdout, /^did you mean: window seat\n\n/);
  assert.match(meant.stdout, /^found by: \S.*; work \d+$/m);
  assert.equal(search('windw', 'seat', '--exact').stdout, '');
  assert.deepEqual(found('window', '--kind', 'track'), ['Window Seat']);
  assert.deepEqual(found('window', '--kind', 'album'), []);
  assert.deepEqual(found('window', '--years', '1900-1901'), []);
  for (const [flag, value] of [['--years', 'soon'], ['--kind', 'song'], ['--max', '101'], ['--popularity', '-1'], ['--added', 'x']]) {
    const { status, stderr } = search('window', flag, value);
    assert.equal(status, 2, flag);
    assert.match(stderr, new RegExp(`^musicstream: ${flag} takes `));
  }
  assert.deepEqual(found('window', '--added', '1', '--kind', 'track'), ['Window Seat']);
  assert.match(meant.stdout, /^ +about: [\d.]+ = words [\d.]+ \+ .*\n +"windw" is "window" in title, misspelt by 1: 0\.\d\d\n/m);
  assert.match(search('', '--facets').stdout, /^format +.*\baiff \(1\)/m);
  assert.ok((await metric('questions_total')) >= 6);
});

test('it is built anew while it answers, and without a node the next start does it', async () => {
  const builds = await metric('builds_total');
  const child = spawn(program, ['storage', 'rebuild', 'search', '--data', server.data]);
  const exited = new Promise((done) => child.once('exit', done));
  while (child.exitCode === null) {
    assert.deepEqual(found('window', 'seat'), ['Window Seat']);
    await new Promise((next) => setImmediate(next));
  }
  assert.equal(await exited, 0);
  assert.equal(await metric('builds_total'), builds + 1);
  await server.end();
  assert.match(run(program, ['storage', 'rebuild', 'search', '--data', server.data]).stdout, /^search: removed; the next start builds it/);
  assert.ok(!existsSync(file('search')));
  await server.start();
  assert.deepEqual(found('window', 'seat'), ['Window Seat']); // the command waits for it
  assert.match(server.log, /the search index is built: there is none yet/);
});

// CRC32C (Castagnoli), bit by bit: of a few bytes.
const crc32c = (bytes) => {
  let crc = ~0;
  for (const byte of bytes) {
    crc ^= byte;
    for (let i = 0; i < 8; i++) crc = (crc >>> 1) ^ (crc & 1 ? 0x82f63b78 : 0);
  }
  return ~crc >>> 0;
};

// index_base_t, wherever LMDB has a copy of it: the format first, then the ranking, 80 bytes and their checksum.
const HEAD = 80;
function stamp(change) {
  const content = readFileSync(file('search/data.mdb'));
  let heads = 0;
  for (let at = 0; at + HEAD + 4 <= content.length; at += 2) {
    if (content.readUInt32LE(at) === 0 || content.readUInt32LE(at) > 1000) continue;
    const head = content.subarray(at, at + HEAD);
    if (crc32c(head) !== content.readUInt32LE(at + HEAD)) continue;
    change(head);
    content.writeUInt32LE(crc32c(head), at + HEAD);
    heads++;
  }
  assert.ok(heads > 0);
  writeFileSync(file('search/data.mdb'), content);
}

test('after an upgrade the old index answers until it is built anew, or one is built at once', async () => {
  const cases = [
    ['another ranking', (head) => head.writeUInt32LE(head.readUInt32LE(4) + 1, 4), /the search index is built: it was made by another version/],
    ['another format', (head) => head.writeUInt32LE(head.readUInt32LE(0) + 1, 0), /the search index is built: it is of a version that can't be read/],
  ];
  for (const [what, change, told] of cases) {
    await server.end();
    server.log = '';
    stamp(change);
    await server.start();
    assert.deepEqual(found('window', 'seat'), ['Window Seat'], what);
    await until(() => /^READY: it is as it should be\n12 tracks/.test(search('--status').stdout), `${what}: it is built anew`);
    assert.match(server.log, told, what);
    assert.deepEqual(found('window', 'seat'), ['Window Seat'], what);
  }
});

test('one that is damaged is thrown away and built, with a line in the log', async () => {
  for (const [leave, from, to] of [['end', 0, 2 * 4096], ['end', 2 * 4096], ['end', 5 * 4096, 6 * 4096], ['kill', 2 * 4096]]) {
    await server[leave]();
    server.log = '';
    const content = readFileSync(file('search/data.mdb'));
    writeFileSync(file('search/data.mdb'), content.fill(0xa5, from, to ?? content.length));
    await server.start();
    assert.deepEqual(found('window', 'seat'), ['Window Seat'], `${leave} ${from}`);
    assert.match(server.log, /search\/data\.mdb is damaged: [^]*the search index is built: there is none yet/);
  }
  await server.end();
  writeFileSync(file('search/data.mdb'), readFileSync(file('search/data.mdb')).fill(0xa5, 2 * 4096));
  assert.match(server.command('storage', 'check').stdout, /search\/data\.mdb is damaged/);
});

test('another catalog has another index: what a power cut leaves of one is no bar to the other', async () => {
  await server.start();
  assert.deepEqual(found('window', 'seat'), ['Window Seat']);
  await server.kill();
  writeFileSync(file('catalog/boot'), 'another one');
  await server.start();
  await until(() => found('window', 'seat').length === 1 && /the catalog is another one/.test(server.log), 'the index is built again');
  await server.end();
  rmSync(file('search'), { recursive: true });
  await server.start();
  assert.deepEqual(found('window', 'seat'), ['Window Seat']);
});

test('killed at any moment of a build, an update, a swap, it opens and finds everything', async () => {
  server.log = '';
  for (let round = 0; round < KILLS; round++) {
    const busy = [['storage', 'rebuild', 'search'], ['scan', 'start', 'full']].map((args) => spawn(program, [...args, '--data', server.data]));
    await new Promise((next) => setTimeout(next, Math.random() * 120)); // the moment of the kill is what is tested
    await server.kill();
    await Promise.all(busy.map((child) => child.exitCode ?? new Promise((done) => child.once('exit', done))));
    await server.start();
    assert.deepEqual(found('window', 'seat'), ['Window Seat'], `round ${round}`);
    for (const left of ['search.old']) assert.ok(!existsSync(file(left)), left);
    assert.doesNotMatch(server.log, /search index.*damaged/);
    server.log = '';
  }
});
