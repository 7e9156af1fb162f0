// plugin.test.mjs -- actor kinds from shared objects: serve --plugin, plugin list, plugin replace.

import assert from 'node:assert/strict';
import { copyFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { after, before, test } from 'node:test';
import { build, program, run, startServer, temporaryFolder } from './support/server.mjs';

let server;
const plugin = (name) => path.join(build, 'plugins', `${name}.so`);
const replace = (file) => server.command('plugin', 'replace', 'tally', file);

before(async () => {
  server = await startServer({ music: null, flags: ['--plugin', plugin('tally_v1')] });
});

after(async () => {
  await server.stop();
});

test('a plugin given to serve is listed with its kinds', () => {
  const done = server.command('plugin', 'list');
  assert.equal(done.status, 0, done.stderr);
  assert.match(done.stdout, /^tally +1\.0 +tally ledger shelf waiter$/m);
});

test('what does not fit changes nothing, and the command says why', () => {
  const cases = [
    [replace(plugin('refuses_to_start')), /no moon tonight/],
    [replace(plugin('wrong_facts')), /build the plugin again/],
    [replace(plugin('not_elf')), /can't be loaded/],
    [replace('/nonexistent.so'), /nonexistent\.so can't be read/],
    [server.command('plugin', 'replace', 'nobody', plugin('tally_v2')), /no plugin 'nobody'/],
  ];
  for (const [done, why] of cases) {
    assert.equal(done.status, 1, done.stdout);
    assert.match(done.stderr, why);
  }
  assert.match(server.command('plugin', 'list').stdout, /tally +1\.0/);
});

test('a new version takes the place of the old one, and its file may go away', () => {
  const file = path.join(temporaryFolder(), 'tally.so');
  copyFileSync(plugin('tally_v2'), file);
  const done = replace(file);
  writeFileSync(file, 'something else');

  assert.equal(done.status, 0, done.stderr);
  assert.match(done.stdout, /^tally +2\.0 +tally ledger shelf waiter +\(replaced 1 times\)$/m);
  assert.match(server.command('plugin', 'list').stdout, /tally +2\.0/);
});

test('a node whose plugin does not fit does not start', () => {
  const done = run(program, ['serve', '--data', temporaryFolder(), '--listen', '127.0.0.1:0',
    '--plugin', plugin('no_descriptor')], { mayFail: true, timeout: 20000 });
  assert.equal(done.status, 1);
  assert.match(done.stderr, /no symbol `musicstream_plugin`/);
});

test('plugin without a word of what to do is a usage error', () => {
  assert.equal(server.command('plugin').status, 2);
  assert.equal(server.command('plugin', 'replace', 'tally').status, 2);
});
