// blobs.test.mjs -- covers in a bucket and in the data folder: sent, read back, encrypted, while the bucket is away;
// what nothing refers to goes, what rotted is found and made anew.

import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, statSync, utimesSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { after, before, test } from 'node:test';
import { createInterface } from 'node:readline';
import { demoMusic, run, source, startServer, temporaryFolder, until } from './support/server.mjs';

let bucket, folder, server;
const music = () => path.join(demoMusic(), 'Mira Solane');

before(async () => {
  folder = temporaryFolder();
  const credentials = path.join(folder, 'credentials');
  writeFileSync(credentials, 'aws_access_key_id = AKTEST\naws_secret_access_key = se/cret+key==\n', { mode: 0o600 });
  const child = spawn('python3', [path.join(source, 'tests/support/blobs/s3_server.py')], { stdio: ['pipe', 'pipe', 'inherit'] });
  const port = await new Promise((got) => createInterface({ input: child.stdout }).once('line', got));
  bucket = { child, credentials, address: `s3://test.bucket/e2e?region=test-region-1&endpoint=http://127.0.0.1:${port}` };
  process.env.no_proxy = '*';
});

after(async () => {
  await server?.stop();
  bucket.child.kill('SIGKILL');
  rmSync(folder, { recursive: true, force: true });
});

const files = (place) => (existsSync(place) ? readdirSync(place, { recursive: true }) : [])
  .map((name) => path.join(place, name)).filter((name) => statSync(name, { throwIfNoEntry: false })?.isFile());
const status = () => server.command('blobs', 'status').stdout;

async function coverUrl() {
  const { albums } = await server.graphql('{ albums(first: 5) { nodes { artwork { url } } } }');
  return albums.nodes.find(({ artwork }) => artwork)?.artwork.url;
}

async function cover(url, size = 300) {
  const response = await fetch(`${server.origin}${url}/${size}`);
  return response.ok ? Buffer.from(await response.arrayBuffer()) : response.status;
}

const sent = () => until(() => files(path.join(server.data, 'artwork')).length === 0, 'all covers are in the bucket');

async function begin(flags = []) {
  server = await startServer({ music: music(), flags });
  await server.setUp();
  await server.scanned(3);
  return coverUrl();
}

test('covers in a bucket', async (t) => {
  const url = await begin(['--blobs', bucket.address, '--blobs-credentials', bucket.credentials, '--encrypt-blobs']);
  assert.ok(url, 'the demo library has a cover');
  const bytes = await cover(url);
  assert.ok(bytes.length > 100);

  await t.test('are sent there, and served from there', async () => {
    await sent();
    assert.match(status(), /in a bucket, encrypted, which is there/);
    assert.deepEqual(await cover(url), bytes, 'from the cache');
    rmSync(path.join(server.data, 'blobs'), { recursive: true });
    mkdirSync(path.join(server.data, 'blobs'));
    assert.deepEqual(await cover(url), bytes, 'from the bucket');
    assert.ok(files(path.join(server.data, 'blobs')).length > 0, 'it is cached again');
  });

  await t.test('while the bucket is away, all else goes on, and it is found again', async () => {
    bucket.child.kill('SIGUSR1');
    await until(async () => {
      rmSync(path.join(server.data, 'blobs'), { recursive: true });
      mkdirSync(path.join(server.data, 'blobs'));
      return await cover(url) === 503;
    }, 'what is in the bucket alone is not available');
    assert.match(status(), /which is away \(/);
    const { tracks } = await server.graphql('{ tracks(first: 1) { nodes { stream { original } } } }');
    const response = await fetch(server.origin + tracks.nodes[0].stream.original, { headers: { Range: 'bytes=0-99' } });
    assert.equal((await response.arrayBuffer()).byteLength, 100);
    assert.ok(await server.isReady());
    bucket.child.kill('SIGUSR1');
    await until(async () => Buffer.isBuffer(await cover(url)), 'the cover is there again');
  });

  await t.test('a node that starts again reads what it had encrypted, and no secret is in its log', async () => {
    await server.kill();
    rmSync(path.join(server.data, 'blobs'), { recursive: true });
    server.options.flags.splice(-1); // it stays encrypted without being told
    await server.start();
    assert.deepEqual(await cover(url), bytes);
    await server.end();
    rmSync(path.join(server.data, 'keys/blobs')); // a copy of the keys is in the bucket
    rmSync(path.join(server.data, 'blobs'), { recursive: true });
    server.options.flags.push('--encrypt-blobs');
    await server.start();
    assert.deepEqual(await cover(url), bytes);
    const done = server.command('blobs', 'scrub', '--json');
    assert.equal(done.status, 0, done.stderr);
    const scrub = JSON.parse(done.stdout);
    assert.ok(scrub.whole > 0 && scrub.damaged === 0 && scrub.unchecked === 0, done.stdout);
    assert.doesNotMatch(server.log + server.command('config').stdout, /se\/cret/);
  });
  await server.stop();
});

test('covers in the data folder', async (t) => {
  const url = await begin();
  const lie = path.join(server.data, 'artwork');
  const hash = url.split('/').pop();
  const place = path.join(lie, hash.slice(0, 2), hash.slice(2, 4), hash);
  const count = files(lie).length;

  await t.test('what nothing refers to goes when it is old', async () => {
    const orphan = (letter, age) => {
      const name = letter.repeat(64);
      const parent = path.join(lie, name.slice(0, 2), name.slice(2, 4));
      mkdirSync(parent, { recursive: true });
      writeFileSync(path.join(parent, name), 'nobody');
      utimesSync(path.join(parent, name), age, age);
      return path.join(parent, name);
    };
    const old = orphan('a', 1000000000), young = orphan('b', Date.now() / 1000);
    for (const name of files(lie)) if (name.includes(hash)) utimesSync(name, 1000000000, 1000000000);
    const dry = JSON.parse(server.command('blobs', 'gc', '--dry-run', '--json').stdout);
    assert.equal(dry.removed, 1);
    assert.ok(existsSync(old));
    const done = server.command('blobs', 'gc');
    assert.equal(done.status, 0, done.stderr);
    assert.match(done.stdout, /1 removed/);
    assert.ok(!existsSync(old) && existsSync(young));
    assert.equal(files(lie).length, count + 1);
    rmSync(young);
  });

  await t.test('one that rotted is found by name, put aside, and made anew', async () => {
    const bytes = readFileSync(place);
    bytes[bytes.length >> 1] ^= 1;
    writeFileSync(place, bytes);
    const done = server.command('blobs', 'scrub');
    assert.equal(done.status, 1);
    assert.match(done.stdout, new RegExp(`${hash}.*damaged`));
    assert.ok(existsSync(path.join(lie, '.rotten', hash)));
    await until(() => existsSync(place), 'the cover is made anew');
    bytes[bytes.length >> 1] ^= 1;
    assert.deepEqual(readFileSync(place), bytes);
    await until(() => server.command('blobs', 'scrub').status === 0, 'all are whole');
    assert.match(status(), /by the node itself: not yet\./);
  });

  await t.test('the node sees to both by itself', async () => {
    await server.end();
    server.options.flags = [...server.options.flags ?? [], '--blobs-tend-s=1'];
    await server.start();
    const bytes = readFileSync(place), good = Buffer.from(bytes);
    bytes[bytes.length >> 1] ^= 1;
    writeFileSync(place, bytes);
    await until(() => existsSync(place) && readFileSync(place).equals(good), 'it is made anew');
    assert.match(server.log, new RegExp(`${hash}.*: it is damaged, and was put aside`));
    await until(() => /by the node itself: 20\d\d-/.test(status()), 'it says when');
    await server.end();
    server.options.flags.push('--blobs-tend-s=0');
    await server.start();
    assert.match(status(), /does not sweep and scrub by itself/);
  });
  await server.stop();
});

test('encoded sound that is kept encrypted', async (t) => {
  /** Of the first track: its first AAC segment. */
  const segment = async () => {
    const { tracks } = await server.graphql('{ tracks(first: 1) { nodes { stream { hls } } } }');
    const { hls } = tracks.nodes[0].stream;
    const line = (await (await fetch(server.origin + hls)).text()).split('\n').find((entry) => /^[^#].*aac64/.test(entry));
    const list = new URL(line, server.origin + hls);
    const name = (await (await fetch(list)).text()).split('\n').find((entry) => /^[^#]/.test(entry));
    const response = await fetch(new URL(name, list));
    assert.equal(response.status, 200);
    return Buffer.from(await response.arrayBuffer());
  };
  const kept = (name) => files(path.join(server.data, name)).filter((file) => file.endsWith('.m4s'));

  await begin();
  const plain = await segment();
  assert.ok(kept('segments').length > 0);
  await server.end();
  server.options.flags = ['--encrypt-segments'];
  await server.start();
  await t.test('is the same to who listens, and nothing lies there in clear', async () => {
    assert.equal(kept('segments').length, 0, 'what lay there in clear is gone');
    assert.deepEqual(await segment(), plain);
    assert.deepEqual(await segment(), plain, 'from the cache');
    for (const file of kept('segments-sealed')) assert.equal(readFileSync(file).toString('latin1', 0, 4), 'MSB1');
    assert.ok(kept('segments-sealed').length > 0);
  });
  await t.test('one that rotted is made anew; so is the key that is lost', async () => {
    for (const file of kept('segments-sealed')) {
      const bytes = readFileSync(file);
      bytes[100] ^= 1;
      writeFileSync(file, bytes);
    }
    await until(async () => (await segment().catch(() => Buffer.alloc(0))).equals(plain), 'the segment is made anew');
    await server.end();
    rmSync(path.join(server.data, 'keys/segments'));
    await server.start();
    await until(async () => (await segment().catch(() => Buffer.alloc(0))).equals(plain), 'the segment is made anew');
  });
  await server.stop();
});

test('what can not be used is refused with a sentence', () => {
  const refused = (flags, why) => {
    const done = run(path.join(process.env.MS_BUILD ?? path.join(source, 'build/dev'), 'musicstream'),
      ['serve', '--data', path.join(folder, 'data'), '--listen', '127.0.0.1:0', ...flags], { mayFail: true });
    assert.equal(done.status, 1, done.stdout);
    assert.match(done.stderr, why);
  };
  refused(['--blobs', 'ftp://host'], /s3:\/\/BUCKET/);
  refused(['--blobs', 's3://bucket', '--blobs-credentials', '/nonexistent'], /can't be read/);
  writeFileSync(path.join(folder, 'open'), 'x', { mode: 0o644 });
  refused(['--blobs', 's3://bucket', '--blobs-credentials', path.join(folder, 'open')], /chmod 600/);
});
