// roots.test.mjs -- three nodes, one of which can read the music: every node shows and plays it; nodes are killed while
// people listen, in the browser and elsewhere, and nobody loses a note.
// One cluster for all; each test goes on where the one before stopped.

import assert from 'node:assert/strict';
import { mkdirSync, rmSync } from 'node:fs';
import path from 'node:path';
import { after, before, test } from 'node:test';
import { id, openPage, probe, signIn, startBrowser, untilPlayer } from './support/browser.mjs';
import { Cluster } from './support/cluster.mjs';
import { build, commandId, demoMusic, run, temporaryFolder, until } from './support/server.mjs';
import { assertNoGap, watch, watchAnew, watched } from './support/sound.mjs';

const FIELDS = 'id title durationMs isAvailable unavailableReason stream { hls original } album { title artwork { url } }';
const TRACKS = `query { tracks(first: 100) { nodes { ${FIELDS} } } }`;
const LIBRARY = 'query { library { trackCount scan { phase } roots { name isReadable unreadableReason } } }';
const SINE_S = 60; // of each of two: longer than what a page loads ahead, and than what nodes keep copies of

let cluster, folder, serving, third, music, browser;
before(async () => {
  music = path.join(temporaryFolder(), 'sines');
  run(path.join(build, 'musicstream-demo-library'), ['--gapless', '--seconds', `${SINE_S}`, music]);
  cluster = new Cluster();
  folder = await (await cluster.addPublic({ music: `demo=${demoMusic()}`, flags: ['--music', `sines=${music}`] })).start();
  await folder.setUp();
  // On this machine all could read it: where the others look, nothing is mounted.
  const [demo, sines] = ['empty-demo', 'empty-sines'].map((name) => path.join(path.dirname(music), name));
  for (const empty of [demo, sines]) mkdirSync(empty);
  const elsewhere = { music: `demo=${demo}`, flags: ['--music', `sines=${sines}`] };
  serving = await (await cluster.addPublic(elsewhere)).start();
  third = await (await cluster.addPublic(elsewhere)).start();
  cluster.signIn(1);
  cluster.signIn(2);
  browser = await startBrowser();
});
after(async () => {
  await browser?.close();
  await cluster?.stop();
  rmSync(path.dirname(music), { recursive: true, force: true });
});

const library = async (node) => (await node.graphql(LIBRARY)).library;
const tracks = async (node) => (await node.graphql(TRACKS)).tracks.nodes;

async function bytes(node, target) {
  const response = await fetch(new URL(target, node.origin));
  assert.equal(response.status, 200, `${target} ${await response.clone().text().catch(() => '')}`);
  return Buffer.from(await response.arrayBuffer());
}

async function segments(node, track, rendition = 'aac64') {
  const lines = (await bytes(node, track.stream.hls)).toString().split('\n');
  const media = new URL(lines.find((line) => line[0] !== '#' && line.includes(rendition)), node.origin + track.stream.hls);
  const names = (await bytes(node, media.pathname)).toString().split('\n').filter((line) => /^\d+\.m4s$/.test(line));
  return names.map((name) => new URL(name, media).pathname);
}

test('what one node scanned, every node shows and plays', async () => {
  await until(async () => {
    const { trackCount, scan } = await library(serving);
    return trackCount === 14 && scan.phase === 'IDLE';
  }, 'the folders were scanned');
  const [track] = await until(async () => {
    const found = await tracks(serving);
    return found.length === 14 && found.every((it) => it.isAvailable) && found;
  }, 'the tracks are available at another node');
  const there = await segments(serving, track);
  for (const target of there.slice(0, 2)) {
    const [here, far] = [await bytes(folder, target), await bytes(serving, target)];
    assert.deepEqual(far, here);
  }
  assert.deepEqual(await bytes(serving, track.stream.original), await bytes(folder, track.stream.original));
  const cover = (await tracks(serving)).find((it) => it.album.artwork !== null)?.album.artwork.url;
  if (cover) assert.ok((await bytes(serving, `${cover}/300`)).length > 100);
});

test('the page goes on at another node when its own is killed: no gap in the sound, edits and news go on', async () => {
  const page = await openPage(browser, null);
  await signIn(page, serving.origin);
  await until(() => page.evaluate(() => performance.getEntriesByType('resource').some(({ name }) => name.includes('/api/v1/gateways'))),
    'the page has asked for the other nodes');
  await page.getByRole('link', { name: 'Albums', exact: true }).first().click();
  await page.getByTestId('album').filter({ hasText: 'Gapless' }).getByRole('link').first().click();
  await id(page, 'play-album').click();
  const first = await untilPlayer(page, (player) => player.isPlaying && player.currentTime > 0.5, 'it plays');
  assert.equal(first.gateway, serving.origin);
  await watch(page);
  await until(() => page.evaluate(() => window.ahead() > 20), 'some of it is loaded');
  await watchAnew(page); // how it began is not the question
  const { currentTime: killedAt } = await probe(page);

  await serving.kill();

  const moved = await untilPlayer(page, (player) => player.gateway !== serving.origin, 'the page is at another node');
  const [elsewhere, here] = moved.gateway === folder.origin ? [third, folder] : [folder, third];
  assert.equal(moved.gateway, here.origin);
  // An edit of somebody else's at the third node is seen here, and one of the page's there.
  await id(page, 'queue').click();
  await until(async () => (await id(page, 'queue-drawer').getByTestId('track').count()) === 2, 'the queue is shown');
  await untilPlayer(page, (player) => player.unanswered === 0, 'what was asked is answered');
  const other = (await patiently(() => tracks(elsewhere))).find(({ title }) => title.startsWith('Sine')); // a steady tone, as all that is loaded here
  const added = commandId();
  await patiently(() => elsewhere.graphql('mutation ($c: ID!, $t: [ID!]!) { enqueue(commandId: $c, trackIds: $t, place: LAST) { version } }',
    { c: added, t: [other.id] }));
  await until(async () => (await id(page, 'queue-drawer').getByTestId('track').count()) === 3, 'the page shows what was added elsewhere');
  await id(page, 'repeat').click();
  await until(async () => (await patiently(() => elsewhere.graphql('{ session { repeat } }'))).session.repeat !== 'OFF', "the page's edit is known elsewhere");
  await untilPlayer(page, ({ currentTime }) => currentTime > killedAt + 1, 'it plays on');
  assertNoGap(await watched(page), 'while it went on at another node');

  // On to what was not loaded when the node died, across the join.
  const { session } = await elsewhere.graphql('{ session { activeDeviceId queue { id } } }');
  await elsewhere.graphql('mutation ($c: ID!, $d: ID!, $e: ID!, $p: Int!) { play(commandId: $c, deviceId: $d, entryId: $e, positionMs: $p) { version } }',
    { c: commandId(), d: session.activeDeviceId, e: session.queue[0].id, p: (SINE_S - 12) * 1000 });
  await untilPlayer(page, (player) => player.isPlaying && player.currentTime > SINE_S - 11.5, 'it plays close to the join');
  await until(() => page.evaluate((end) => window.ahead() > end - window.musicstreamPlayer.currentTime + 3, SINE_S),
    'the next track is there');
  await watchAnew(page);
  await untilPlayer(page, ({ trackId, currentTime }) => trackId !== first.trackId && currentTime > 2, 'the next track plays');
  assertNoGap(await watched(page), 'at the join');
  await page.context().close();
});

/** One of a node's own figures. */
async function figure(node, name) {
  const text = await (await fetch(`${node.origin}/metrics`)).text();
  return Number(new RegExp(`^${name} (\\d+)`, 'm').exec(text)?.[1]);
}

test('what is heard, and the next 30 s, outlive the folder\'s node, and then the serving one', async () => {
  if (serving.child.signalCode !== null) await serving.start();
  await cluster.settled(3);
  const sine = (await patiently(() => tracks(serving))).find(({ title }) => title === 'Sine, part 2');
  // In a rendition that no page plays by itself: nothing of it is anywhere yet.
  const all = await until(async () => (await ready(() => segments(serving, sine, 'flac'))), 'its playlist is there');
  assert.ok(all.length > 12, `${all.length} segments are more than what is kept`);
  const [heard, next] = [all.slice(0, 2), all.slice(2, 10)];
  const fetched = () => Promise.all([serving, third].map((node) => figure(node, 'musicstream_pieces_files_total')));
  const before = await fetched();
  const sound = [];
  for (const target of heard) sound.push(await until(() => ready(() => bytes(serving, target)), 'it is heard'));
  // With each segment that is heard it looks for somebody who keeps copies: one that has just started knows nobody yet.
  await until(async () => {
    for (const target of heard) await bytes(serving, target);
    return (await fetched()).every((count, i) => count >= before[i] + heard.length + next.length);
  }, 'the serving node and the third one have copies');
  assert.ok((await figure(folder, 'musicstream_pieces_files_total')) === 0, 'nothing is fetched for nothing');

  await folder.kill();
  for (const target of next) sound.push(await until(() => ready(() => bytes(serving, target)), 'the serving node has it'));
  const reason = await until(async () => (await ready(() => tracks(third)))?.find((it) => !it.isAvailable)?.unavailableReason, 'its tracks are not available');
  assert.equal(reason, 'no running node can read its music folder');
  const roots = await until(async () => {
    const found = (await ready(() => library(third)))?.roots;
    return found?.every(({ isReadable }) => !isReadable) && found;
  }, 'the folders are said to be away');
  for (const { unreadableReason } of roots) assert.match(unreadableReason, /^the music folder is empty: is what belongs there mounted/);

  await folder.start();
  await until(async () => (await ready(() => tracks(third)))?.every((it) => it.isAvailable), 'all are available again');

  await Promise.all([folder.kill(), serving.kill()]);
  // From what was heard last: copies begin with what is heard when somebody is found to keep them.
  for (const [i, target] of [...heard, ...next].entries())
    if (i >= heard.length - 1)
      assert.deepEqual(await until(() => ready(() => bytes(third, target)), `the third node has ${target}`), sound[i]);
});

/** undefined: not yet. */
async function ready(ask) {
  try {
    return await ask();
  } catch {
    return undefined;
  }
}

/** Until a node has taken over what the dead one served. */
function patiently(ask) {
  return until(async () => {
    try {
      return await ask();
    } catch (error) {
      assert.match(String(error.answer?.errors?.[0]?.extensions?.code ?? error), /UNAVAILABLE|TIMEOUT/);
      return undefined;
    }
  }, 'it is answered');
}
