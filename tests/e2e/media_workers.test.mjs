// media_workers.test.mjs -- the processes that read music are killed while they do: the scan completes, each file is
// a track or a problem with its reason, and the next full scan has them all; a listener's segment comes, too.

import assert from 'node:assert/strict';
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { after, before, test } from 'node:test';
import { id3, textFrame, withoutId3 } from './support/bad_files.mjs';
import { demoMusic, startServer, until } from './support/server.mjs';

const FILES = 600, KILLS = 12;
let server, music;

before(() => {
  music = mkdtempSync(path.join(tmpdir(), 'musicstream-many-'));
  const audio = withoutId3(readFileSync(path.join(demoMusic(), 'Mira Solane/Harbour Lights/1-03 Low Tide.mp3')));
  for (let i = 0; i < FILES; i++) {
    const folder = path.join(music, `album ${i % 20}`);
    mkdirSync(folder, { recursive: true });
    writeFileSync(path.join(folder, `${i}.mp3`), Buffer.concat([
      id3(textFrame('TIT2', `Song ${i}`), textFrame('TALB', `Album ${i % 20}`), textFrame('TRCK', `${1 + Math.floor(i / 20)}`)),
      audio.subarray(0, 60000 + i * 5)]));
  }
});

after(async () => {
  const ended = await server?.stop();
  rmSync(music, { recursive: true, force: true });
  assert.equal(ended?.code, 0, server?.log);
});

/** The media workers of this very server. */
function workers() {
  return readdirSync('/proc').filter((name) => /^\d+$/.test(name)).filter((pid) => {
    try {
      const [, comm, parent] = /^\d+ \((.*)\) \S (\d+)/s.exec(readFileSync(`/proc/${pid}/stat`, 'utf8'));
      return Number(parent) === server.child.pid && comm.startsWith('musicstream-med');
    } catch {
      return false; // it has ended
    }
  }).map(Number);
}

function kill(pid) {
  if (pid === undefined) return false;
  try {
    process.kill(pid, 'SIGKILL');
    return true;
  } catch {
    return false; // it was quicker
  }
}

const LOOK = '{ library { trackCount scan { phase filesKnown filesDone problemCount problems { path reason } } } }';
const look = async () => (await server.graphql(LOOK)).library;

test('a scan whose workers are killed again and again completes', async (t) => {
  server = await startServer({ music });
  const settingUp = server.setUp();
  let kills = 0;
  await until(() => {
    kills += kill(workers()[0]) ? 1 : 0;
    return kills >= KILLS;
  }, `${KILLS} workers are killed`);
  await settingUp;
  const done = await until(async () => {
    const now = await look();
    return now.scan.phase !== 'LISTING' && now.scan.phase !== 'READING' && now.scan.filesKnown === FILES && now;
  }, 'every file is read or given up');
  t.diagnostic(`${done.trackCount} tracks, ${done.scan.problemCount} problems after ${kills} kills`);
  assert.equal(done.trackCount + done.scan.problemCount, FILES);
  assert.ok(done.scan.problemCount <= kills, 'a death costs one file at most');
  for (const { path: where, reason } of done.scan.problems) assert.match(reason, /\w+ \w+/, where);
});

test('a full scan afterwards has every file', async () => {
  assert.equal(server.command('scan', 'start', 'full').status, 0);
  const done = await until(async () => {
    const now = await look();
    return now.trackCount === FILES && now.scan.problemCount === 0 && now;
  }, 'all files are tracks');
  assert.deepEqual(done.scan.problems, []);
});

test('a segment is served though the worker that encodes it is killed', async () => {
  const { tracks: { nodes: [track] } } = await server.graphql('{ tracks(first: 1) { nodes { stream { hls } } } }');
  const text = async (address) => (await fetch(address)).text();
  const first = (body) => body.split('\n').find((line) => line && !line.startsWith('#'));
  const multivariant = new URL(track.stream.hls, server.origin);
  const media = new URL(first(await text(multivariant)), multivariant);
  const answer = fetch(new URL('0.m4s', media));
  workers().forEach(kill);
  const { status } = await answer;
  assert.ok(status === 200 || status === 500 || status === 503, `${status}`);
  await until(async () => (await fetch(new URL('0.m4s', media))).status === 200, 'the next request gets it');
});
