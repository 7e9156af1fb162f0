// A music folder that one node of three can read: every node shows it and plays from it.

import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { Cluster } from './support/cluster.mjs';
import { until } from './support/server.mjs';

const TRACKS = 'query { tracks(first: 3) { nodes { id title isAvailable unavailableReason stream { hls original } album { artwork { url } } } } }';
const ROOTS = 'query { library { trackCount scan { phase } } }';

let cluster, folder, serving;
before(async () => {
  cluster = new Cluster();
  folder = await cluster.add({ music: undefined }).start();
  await folder.setUp();
  serving = await cluster.add().start();
  await cluster.add().start();
  cluster.signIn(1);
  cluster.signIn(2);
});
after(() => cluster.stop());

const library = async (node) => (await node.graphql(ROOTS)).library;
const tracks = async (node) => (await node.graphql(TRACKS)).tracks.nodes;

async function bytes(node, target) {
  const response = await fetch(new URL(target, node.origin));
  assert.equal(response.status, 200, `${target} ${await response.clone().text().catch(() => '')}`);
  return Buffer.from(await response.arrayBuffer());
}

async function segments(node, track) {
  const lines = (await bytes(node, track.stream.hls)).toString().split('\n');
  const media = new URL(lines.find((line) => /^[^#].*aac64/.test(line)), node.origin + track.stream.hls);
  const names = (await bytes(node, media.pathname)).toString().split('\n').filter((line) => /^\d+\.m4s$/.test(line));
  return names.map((name) => new URL(name, media).pathname);
}

test('what one node scanned, every node shows and plays', async () => {
  await until(async () => {
    const { trackCount, scan } = await library(serving);
    return trackCount > 0 && scan.phase === 'IDLE';
  }, 'the folder was scanned');
  const [track] = await until(async () => {
    const found = await tracks(serving);
    return found.length > 0 && found[0].isAvailable && found;
  }, 'the track is available at the other node');
  const there = await segments(serving, track);
  for (const target of there.slice(0, 2)) {
    const [here, far] = [await bytes(folder, target), await bytes(serving, target)];
    assert.deepEqual(far, here);
  }
  assert.deepEqual(await bytes(serving, track.stream.original), await bytes(folder, track.stream.original));
  const cover = track.album.artwork?.url;
  if (cover) assert.ok((await bytes(serving, `${cover}/300`)).length > 100);
});
