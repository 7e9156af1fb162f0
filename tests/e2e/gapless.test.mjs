// gapless.test.mjs -- one sine cut into two tracks has to sound like one: the sound of the page is recorded around the join.
// The measure: no stretch of 2.5 ms within 0.5 s of the join is quieter than half the median.

import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import path from 'node:path';
import { id, openPage, signIn, startBrowser, untilPlayer } from './support/browser.mjs';
import { build, commandId, run, startServer, temporaryFolder, until } from './support/server.mjs';
import { rmSync } from 'node:fs';

const STRETCH_S = 0.0025;
const AROUND_S = 0.5;
let server, browser, music;

before(async () => {
  music = path.join(temporaryFolder(), 'gapless');
  run(path.join(build, 'musicstream-demo-library'), ['--gapless', music]);
  server = await startServer({ music });
  await server.setUp();
  await server.scanned(2);
  browser = await startBrowser();
});

after(async () => {
  await browser?.close();
  await server?.stop();
  rmSync(path.dirname(music), { recursive: true, force: true });
});

/** Records what the page plays, as mono samples, from before the join until 1.5 s of the second track are there. */
async function recordJoin(page, firstId) {
  await page.evaluate(async (first) => {
    const worklet = `registerProcessor('tap', class extends AudioWorkletProcessor {
      process([input]) { if (input[0]) this.port.postMessage(input[0].slice()); return true; } });`;
    const context = new AudioContext();
    await context.audioWorklet.addModule(URL.createObjectURL(new Blob([worklet], { type: 'text/javascript' })));
    const tap = new AudioWorkletNode(context, 'tap');
    const recorded = (window.recorded = { blocks: [], rate: context.sampleRate, size: 0, position: null });
    const player = window.musicstreamPlayer;
    // Noted in the page: on a slow machine the whole track may have passed until it is asked for once more.
    tap.port.onmessage = ({ data }) => {
      if (recorded.position !== null) return;
      recorded.blocks.push(data);
      recorded.size += data.length;
      if (player.trackId !== first && player.currentTime > 1.5) recorded.position = player.currentTime;
    };
    context.createMediaStreamSource(player.audio.captureStream()).connect(tap);
  }, firstId);
}

async function playAcrossTheJoin(quality) {
  // The page's own policy forbids scripts made on the fly; the recorder of this test is one.
  const page = await openPage(browser, null, { bypassCSP: true });
  await page.context().addInitScript((chosen) => {
    localStorage.setItem('musicstream.settings', JSON.stringify({
      version: 1, state: { theme: 'system', quality: chosen, isGapless: true, isNormalised: true } }));
  }, quality);
  // Where the page before left off would be gone on with.
  await server.graphql('mutation ($c: ID!) { clearQueue(commandId: $c) { version } }', { c: commandId() });
  await signIn(page, server.origin);
  await id(page, 'album').first().getByRole('link').first().click();
  await id(page, 'play-album').click();
  const first = await untilPlayer(page, (player) => player.isPlaying && player.currentTime > 0.3, 'it plays');
  const { tracks } = await server.graphql('{ tracks(first: 2) { nodes { id durationMs } } }');
  const seconds = tracks.nodes.find((track) => track.id === first.trackId).durationMs / 1000;
  await id(page, 'seek').getByRole('slider').focus();
  if (seconds > 12) {
    const wanted = seconds - 7;
    while ((await page.evaluate(() => window.musicstreamPlayer.currentTime)) < wanted - 5) {
      const at = await page.evaluate(() => window.musicstreamPlayer.currentTime);
      await page.keyboard.press('ArrowRight');
      await untilPlayer(page, (player) => player.currentTime > at + 2, 'it sought');
    }
  }
  await untilPlayer(page, (player) => player.isPlaying && player.currentTime > seconds - 3, 'it is close to the join');
  await recordJoin(page, first.trackId);
  await until(() => page.evaluate(() => window.recorded.position !== null), 'the join is recorded');
  const recorded = await page.evaluate(() => {
    const { blocks, rate, size, position } = window.recorded;
    const samples = new Float32Array(size);
    blocks.reduce((at, block) => (samples.set(block, at), at + block.length), 0);
    return { rate, samples: Array.from(samples), position };
  });
  assert.deepEqual(page.problems, []);
  await page.context().close();
  return recorded;
}

function quietest({ rate, samples, position }) {
  const size = Math.round(STRETCH_S * rate);
  const loudness = [];
  for (let at = 0; at + size <= samples.length; at += size) {
    let sum = 0;
    for (let i = at; i < at + size; i++) sum += samples[i] * samples[i];
    loudness.push(Math.sqrt(sum / size));
  }
  // The join lies `position` seconds before the end of the recording; the capture itself starts a moment late.
  const join = samples.length / rate - position;
  const from = Math.max(0, Math.floor((join - AROUND_S - 0.3) / STRETCH_S));
  const around = loudness.slice(from, Math.ceil((join + AROUND_S + 0.3) / STRETCH_S));
  const median = [...around].sort((a, b) => a - b)[Math.floor(around.length / 2)];
  assert.ok(around.length > 300, `${around.length} stretches were recorded around the join`);
  assert.ok(median > 0.01, `there is sound: ${median}`);
  return Math.min(...around) / median;
}

for (const quality of ['lossless', 'auto', 'saver']) {
  test(`an album plays without a gap: ${quality}`, async () => {
    const ratio = quietest(await playAcrossTheJoin(quality));
    assert.ok(ratio >= 0.5, `the quietest stretch around the join has ${ratio.toFixed(3)} of the median`);
  });
}
