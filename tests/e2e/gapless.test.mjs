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
  run(path.join(build, 'musicstream-demo-library'), ['--gapless', '--seconds', '8', music]);
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
  await page.evaluate((before) => {
    window.isRecorded = ({ trackId, position }) => trackId !== before && position > 1.5;
  }, first.trackId);
  // From long before the join: the first recorder of a browser may take seconds to start.
  await record(page);
  await until(() => page.evaluate(() => window.recorded.isStopped), 'the join is recorded');
  const sound = await recorded(page);
  assert.deepEqual(page.problems, []);
  await page.context().close();
  return sound;
}

/** The join lies as long before the end of the recording as the second track was on, give or take what the page's clock is coarse. */
function aroundTheJoin(sound) {
  const join = sound.samples.length / sound.rate - sound.marks.at(-1).position;
  const from = join - AROUND_S - 0.3;
  assert.ok(from > 0, `the recording began ${join.toFixed(3)} s before the join`);
  return quietest(sound, from, join + AROUND_S + 0.3);
}

for (const quality of ['lossless', 'auto', 'saver']) {
  test(`an album plays without a gap: ${quality}`, async () => {
    const ratio = aroundTheJoin(await playAcrossTheJoin(quality));
    assert.ok(ratio >= 0.5, `the quietest stretch around the join has ${ratio.toFixed(3)} of the median`);
  });
}
