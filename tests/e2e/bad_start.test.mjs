// bad_start.test.mjs -- what the program says when it is started wrongly: one sentence that tells what to do, an
// exit code, and nothing left behind.

import assert from 'node:assert/strict';
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import net from 'node:net';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { after, before, test } from 'node:test';
import { program, run, startServer } from './support/server.mjs';

const FAILED = 1, USAGE = 2;
let folder;
const at = (...parts) => path.join(folder, ...parts);

before(() => (folder = mkdtempSync(path.join(tmpdir(), 'musicstream-start-'))));
after(() => rmSync(folder, { recursive: true, force: true }));

/** Ends by itself: the limit only guards the test. */
function musicstream(...args) {
  return run(program, args, { mayFail: true, cwd: folder, timeout: 20000 });
}

function serve(...args) {
  return musicstream('serve', '--data', at('data'), '--listen', '127.0.0.1:0', ...args);
}

function assertSays(done, sentence, code = FAILED) {
  const said = done.stderr.split('\n').filter((line) => line.startsWith('musicstream: '));
  assert.equal(said.length, 1, `one sentence: ${done.stderr}`);
  assert.match(said[0], sentence);
  assert.equal(done.status, code, done.stderr);
  assert.doesNotMatch(done.stdout, /MusicStream is at/);
}

test('a music folder that is not there, or no folder', () => {
  writeFileSync(at('file'), 'x');
  assertSays(serve('--music', at('nowhere')), /there is no music folder \/.*nowhere: check the path given with --music/);
  assertSays(serve('--music', at('file')), /file is not a folder: give --music the folder that your music is in/);
  assertSays(serve('--music', 'x='), /music is 'x=': give a folder, or NAME=FOLDER/, USAGE);
  mkdirSync(at('m', 'a'), { recursive: true });
  mkdirSync(at('n', 'a'), { recursive: true });
  assertSays(serve('--music', at('m/a'), '--music', at('n/a')), /two folders are called 'a'; name one: --music OTHER=FOLDER/, USAGE);
});

test('one folder inside the other, or a name that can not be one', () => {
  mkdirSync(at('outer', 'inner'), { recursive: true });
  assertSays(serve('--music', at('outer'), '--music', at('outer/inner')), /folder .*outer\/inner can't be used: it lies inside another/);
  assertSays(serve('--music', `a b=${at('outer')}`), /folder .*outer can't be used: a name has letters/);
});

test('a folder with any name can be music', async () => {
  mkdirSync(at('Música de Ana & Co'));
  const server = await startServer({ music: at('Música de Ana & Co') });
  assert.match(server.command('library', 'list').stdout, /Ana/);
  assert.equal((await server.stop()).code, 0);
});

test('a port that is in use', async () => {
  const other = net.createServer().listen(0, '127.0.0.1');
  await new Promise((done) => other.once('listening', done));
  const { port } = other.address();
  assertSays(musicstream('serve', '--data', at('data'), '--listen', `127.0.0.1:${port}`),
    new RegExp(`can't listen on 127\\.0\\.0\\.1:${port}: another program uses this port: choose one with --listen`));
  other.close();
});

test('an address that is none, or not of this machine', () => {
  for (const listen of ['8484', 'localhost', '127.0.0.1:70000', '::1:80'])
    assertSays(musicstream('serve', '--data', at('data'), '--listen', listen), /use HOST:PORT, like 127\.0\.0\.1:8484/);
  assertSays(musicstream('serve', '--data', at('data'), '--listen', '192.0.2.1:8484'), /can't listen on 192\.0\.2\.1:8484: this machine has no such address/);
});

test('options that are wrong say which and what would be right', () => {
  assertSays(serve('--cache-mb', 'lots'), /cache_mb is 'lots': use a whole number from 16/, USAGE);
  assertSays(serve('--watch=perhaps'), /watch is 'perhaps': use true or false/, USAGE);
  assertSays(serve('--listn', 'x'), /there is no option --listn; see --help/, USAGE);
  writeFileSync(at('bad.conf'), '# fine\nlisten = 127.0.0.1:0\nport 80\n');
  assertSays(serve('--config', at('bad.conf')), /bad\.conf, line 3/, USAGE);
  assertSays(serve('--config', at('no.conf')), /no\.conf can't be read: No such file/, USAGE);
  assertSays(serve('--media-program', at('nothing')), /media worker .*nothing can't be run/);
});

test('a data folder that another process uses; its node is not disturbed', async () => {
  const server = await startServer({ music: null });
  try {
    assertSays(musicstream('serve', '--data', server.data, '--listen', '127.0.0.1:0'),
      new RegExp(`used by another process \\(process ${server.child.pid}\\): stop it first, or choose another`));
    assert.ok(await server.isReady());
    assert.equal(server.command('search', 'x').status, 0, 'its control socket is still its own');
  } finally {
    await server.stop();
  }
});

test('a data folder of a newer version is left as it is', async () => {
  const server = await startServer({ music: null });
  server.child.kill('SIGINT');
  await server.exited;
  const format = path.join(server.data, 'format');
  const was = readFileSync(format, 'utf8');
  try {
    writeFileSync(format, '999\n');
    const wanted = /written by a newer version \(format 999, this program knows \d+\): use that version, or restore/;
    assertSays(musicstream('serve', '--data', server.data, '--listen', '127.0.0.1:0'), wanted);
    assert.equal(readFileSync(format, 'utf8'), '999\n');
    writeFileSync(format, 'rubbish');
    assertSays(musicstream('serve', '--data', server.data, '--listen', '127.0.0.1:0'), /a format file that is not a number/);
    writeFileSync(format, was);
    await server.start();
  } finally {
    await server.stop();
  }
});

test('a data folder that can not be made', () => {
  writeFileSync(at('taken'), 'x');
  assertSays(musicstream('serve', '--data', at('taken/data'), '--listen', '127.0.0.1:0'), /data folder .*taken\/data can't be made/);
  assert.ok(!existsSync(at('taken/data')));
});

test('a command without its node says how to get one', () => {
  mkdirSync(at('empty'));
  for (const command of [['search', 'x'], ['scan'], ['user', 'list'], ['token', 'ana'], ['library', 'list'], ['actor']])
    assertSays(musicstream(...command, '--data', at('empty')),
      /no node runs on the data folder .*empty: start one with `musicstream serve`, or name its folder with --data/);
  assert.equal(musicstream('frobnicate').status, USAGE);
});

test('a path too long for a socket is told as such', () => {
  const deep = at('d'.repeat(120));
  mkdirSync(deep);
  assertSays(musicstream('search', 'x', '--data', deep), /too long/);
});
