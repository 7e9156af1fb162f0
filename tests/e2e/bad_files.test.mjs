// bad_files.test.mjs -- a music folder full of what should not be there: each bad file is listed with its reason,
// and the good ones beside it are scanned and play.

import assert from 'node:assert/strict';
import { copyFileSync, mkdirSync, mkdtempSync, readFileSync, readdirSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { after, before, test } from 'node:test';
import { id3, pictureFrame, pngBomb, textFrame, wavHeader, withoutId3, writeSparse } from './support/bad_files.mjs';
import { demoMusic, run, startServer, until } from './support/server.mjs';

const GIGABYTE = 2 ** 30;
const TITLE_SIZE_MAX = 4096; // MEDIA_TEXT_MAX

let music, server;
const at = (...parts) => path.join(music, ...parts);
const demo = (name) => path.join(demoMusic(), ...name.split('/'));
const goodMp3 = () => readFileSync(demo('Mira Solane/Harbour Lights/1-03 Low Tide.mp3'));
const goodFlac = () => readFileSync(demo('Mira Solane/Harbour Lights/1-01 Harbour Lights.flac'));

/** MP3 frames with these frames of tags; every file another length, so that none is taken for another. */
let dropped = 0;
function tagged(...frames) {
  const audio = withoutId3(goodMp3());
  return Buffer.concat([id3(...frames), audio.subarray(0, audio.length - 2000 * ++dropped)]);
}

function makeGood() {
  mkdirSync(at('good'));
  copyFileSync(demo('Mira Solane/Harbour Lights/1-02 Salt Air.aiff'), at('good', 'salt.aiff'));
  copyFileSync(demo('Mira Solane/Harbour Lights/1-03 Low Tide.mp3'), at('good', 'low.mp3'));
  copyFileSync(demo('Various Artists/Small Hours/1-01 Copper Kettle.flac'), at('good', 'kettle.flac'));
}

function makeBad() {
  mkdirSync(at('bad'));
  writeFileSync(at('bad', 'empty.mp3'), '');
  writeFileSync(at('bad', 'text.mp3'), 'This is a letter and not a song.\n'.repeat(100));
  writeFileSync(at('bad', 'noise.ogg'), Buffer.from(Array.from({ length: 5000 }, (_, i) => (i * 7919) & 0xff)));
  writeFileSync(at('bad', 'cut in its header.flac'), goodFlac().subarray(0, 30));
  writeSparse(at('bad', 'hole.flac'), '', 3 * GIGABYTE);
  writeSparse(at('bad', 'hole.mp3'), '', 3 * GIGABYTE);
  symlinkSync(at('good', 'low.mp3'), at('bad', 'link.mp3'));
  run('mkfifo', [at('bad', 'pipe.mp3')]);
}

function makeStrange() {
  mkdirSync(at('strange'));
  writeFileSync(at('strange', 'cut.flac'), goodFlac().subarray(0, 150000));
  symlinkSync('..', at('strange', 'up'));
  symlinkSync('b', at('strange', 'a'));
  symlinkSync('a', at('strange', 'b'));
  writeFileSync(Buffer.concat([Buffer.from(at('strange') + '/caf'), Buffer.from([0xe9]), Buffer.from('.mp3')]),
    tagged(textFrame('TALB', 'Latin')));
  writeFileSync(at('strange', 'megabyte.mp3'), tagged(
    textFrame('TIT2', 'Long '.repeat(200000)), textFrame('TPE1', 'Somebody'),
    textFrame('COMM', `eng\0${'x'.repeat(1000000)}`),
    ...Array.from({ length: 3000 }, (_, i) => textFrame('TXXX', `key ${i}\0value`))));
  const bomb = pngBomb(60000, 30000000);
  assert.ok(bomb.length < 100000, 'the bomb is small');
  mkdirSync(at('bomb'));
  writeFileSync(at('bomb', 'cover.png'), bomb);
  writeFileSync(at('bomb', 'song.mp3'), tagged(textFrame('TIT2', 'Beside a bomb'), textFrame('TALB', 'Bombs')));
  writeFileSync(at('bomb', 'inside.mp3'),
    tagged(textFrame('TIT2', 'Around a bomb'), textFrame('TALB', 'More bombs'), pictureFrame('image/png', bomb)));
}

const REFUSED = {
  'bad/empty.mp3': 'the file is empty',
  'bad/text.mp3': /not audio|damaged/,
  'bad/noise.ogg': /not audio|damaged/,
  'bad/cut in its header.flac': /not audio|damaged/,
  'bad/hole.flac': /not audio|damaged/,
  'bad/hole.mp3': /not audio|damaged/,
  'bad/link.mp3': 'it is a symbolic link to a file, which is not followed',
  'strange/a': 'symbolic links lead in a circle',
  'strange/b': 'symbolic links lead in a circle',
};
const PLAYABLE = 8; // good 3, strange 3, bomb 2

before(async () => {
  music = mkdtempSync(path.join(tmpdir(), 'musicstream-bad-'));
  makeGood();
  makeBad();
  makeStrange();
  server = await startServer({ music });
  await server.setUp();
  await server.scanned(PLAYABLE);
});

after(async () => {
  const ended = await server?.stop();
  rmSync(music, { recursive: true, force: true });
  assert.equal(ended?.code, 0, `the server stopped cleanly: ${server?.log}`);
});

async function look() {
  return server.graphql(`{
    library { trackCount scan { phase filesKnown filesDone problemCount problems { path reason } } }
    tracks(first: 100) { nodes { title artistLine durationMs isAvailable unavailableReason artwork { url }
      album { title } file { path sizeBytes codec } stream { hls original } } } }`);
}

async function firstSegment(track) {
  const text = async (address) => {
    const response = await fetch(address);
    assert.equal(response.status, 200, `${track.title}: ${address}`);
    return response.text();
  };
  const first = (body) => body.split('\n').find((line) => line && !line.startsWith('#'));
  const multivariant = new URL(track.stream.hls, server.origin);
  const media = new URL(first(await text(multivariant)), multivariant);
  const response = await fetch(new URL(first(await text(media)), media));
  assert.equal(response.status, 200, `${track.title}: the first segment`);
  assert.ok((await response.arrayBuffer()).byteLength > 100, track.title);
  return media;
}

test('each bad file is listed with its reason, and nothing else is', async () => {
  const { library: { scan } } = await look();
  const problems = Object.fromEntries(scan.problems.map(({ path: where, reason }) => [where, reason]));
  assert.deepEqual(Object.keys(problems).sort(), Object.keys(REFUSED).sort(), JSON.stringify(problems, null, 1));
  for (const [name, reason] of Object.entries(REFUSED))
    if (reason instanceof RegExp) assert.match(problems[name], reason, name);
    else assert.equal(problems[name], reason, name);
  assert.equal(scan.problemCount, scan.problems.length);
  assert.equal(scan.filesDone, scan.filesKnown);
});

test('the good files beside them are scanned once each, and play', async () => {
  const { library, tracks: { nodes } } = await look();
  assert.equal(library.trackCount, PLAYABLE);
  assert.deepEqual(nodes.filter((track) => !track.isAvailable), []);
  for (const track of nodes) {
    await firstSegment(track);
    const whole = await fetch(server.origin + track.stream.original, { headers: { Range: 'bytes=0-99' } });
    assert.equal(whole.status, 206, track.title);
  }
});

test('a name that is not UTF-8 is shown with replacement characters and plays', async () => {
  const { tracks: { nodes } } = await look();
  const [track] = nodes.filter((one) => one.album.title === 'Latin');
  assert.match(track.title, /^caf\ufffd/u);
  assert.match(track.file.path, /strange\/caf\ufffd\.mp3$/u);
  await firstSegment(track);
});

test('a megabyte of tags is cut to what a title may be', async () => {
  const { tracks: { nodes } } = await look();
  const [track] = nodes.filter((one) => one.title.startsWith('Long Long'));
  assert.equal(track.artistLine, 'Somebody');
  assert.ok(Buffer.byteLength(track.title) <= TITLE_SIZE_MAX, `${track.title.length}`);
  assert.match(server.command('search', 'long').stdout, /Long Long/);
});

test('a cover that is a decompression bomb is no cover, beside or inside', async () => {
  const { tracks: { nodes } } = await look();
  const bombs = nodes.filter((one) => /bomb/i.test(one.album.title));
  assert.equal(bombs.length, 2);
  assert.deepEqual(bombs.map((one) => one.artwork), [null, null]);
  assert.ok(nodes.some((one) => one.artwork !== null), 'other covers are there');
});

test('a track that is shorter than it says plays to its end, and so does the next one', async () => {
  const { tracks: { nodes } } = await look();
  const [cut] = nodes.filter((one) => one.file.path.endsWith('cut.flac'));
  const media = await firstSegment(cut);
  const segments = (await (await fetch(media)).text()).split('\n').filter((line) => line && !line.startsWith('#'));
  const last = await fetch(new URL(segments.at(-1), media));
  assert.equal(last.status, 200, 'the rest is silence');
  assert.ok((await last.arrayBuffer()).byteLength > 100);
  await firstSegment(nodes.find((one) => one.file.path.endsWith('low.mp3')));
});

test('a file of 3 GB plays from its far end', async () => {
  const size = 3 * GIGABYTE;
  // 8 channels of 32 bits at 192 kHz, so that it is not hours long.
  writeSparse(at('good', 'long.wav'), wavHeader(size - 44, 8, 192000, 32), size);
  const track = await until(async () =>
    (await look()).tracks.nodes.find((one) => one.file.path.endsWith('long.wav')), 'the new file is found', 60000);
  assert.equal(track.file.sizeBytes, size);
  const far = await fetch(server.origin + track.stream.original, { headers: { Range: `bytes=${size - 10}-` } });
  assert.equal(far.status, 206);
  assert.equal(far.headers.get('content-range'), `bytes ${size - 10}-${size - 1}/${size}`);
  assert.deepEqual(Buffer.from(await far.arrayBuffer()), Buffer.alloc(10));
  await firstSegment(track);
});

test('after kill -9 in the middle the problems are still told, and mended files leave the list', async () => {
  await server.kill();
  rmSync(at('good', 'long.wav'));
  writeFileSync(at('bad', 'text.mp3'), tagged(textFrame('TIT2', 'Mended'), textFrame('TALB', 'Latin')));
  rmSync(at('bad', 'hole.mp3'));
  await server.start();
  const { library: { scan } } = await until(async () => {
    const now = await look();
    return now.library.scan.phase === 'IDLE' && now.tracks.nodes.some((one) => one.title === 'Mended') && now;
  }, 'the mended file is found', 30000);
  const left = Object.keys(REFUSED).filter((name) => !/text\.mp3|hole\.mp3/.test(name));
  assert.deepEqual(scan.problems.map((problem) => problem.path).sort(), left.sort());
  assert.ok(readdirSync(at('bad')).includes('empty.mp3'), 'the folder itself was not touched');
});
