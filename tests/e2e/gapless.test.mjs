// gapless.test.mjs -- one sine cut into two tracks has to sound like one: the sound of the page is recorded around the join.
// The measure: no stretch of 2.5 ms within 0.5 s of the join is quieter than half the median.

import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import path from 'node:path';
import { id, openPage, signIn, startBrowser, untilPlayer } from './support/browser.mjs';
import { quietest, record, recorded } from './support/sound.mjs';
import { build, commandId, run, startServer, temporaryFolder, until } from './support/server.mjs';
import { rmSync } from 'node:fs';

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
  await page.evaluate((before) => {
    window.isRecorded = ({ trackId, position }) => trackId !== before && position > 1.5;
  }, first.trackId);
  await record(page);
  await until(() => page.evaluate(() => window.recorded.isStopped), 'the join is recorded');
  const sound = await recorded(page);
  assert.deepEqual(page.problems, []);
  await page.context().close();
  return sound;
}

/** The join lies as long before the end of the recording as the second track was on; the capture itself starts a moment late. */
function aroundTheJoin(sound) {
  const join = sound.samples.length / sound.rate - sound.marks.at(-1).position;
  return quietest(sound, join - AROUND_S - 0.3, join + AROUND_S + 0.3);
}

for (const quality of ['lossless', 'auto', 'saver']) {
  test(`an album plays without a gap: ${quality}`, async () => {
    const ratio = aroundTheJoin(await playAcrossTheJoin(quality));
    assert.ok(ratio >= 0.5, `the quietest stretch around the join has ${ratio.toFixed(3)} of the median`);
  });
}
