// typing.p50, typing.p99: the search of the player in Chromium, on the same machine as the node, with a catalog of 100,000 tracks
// (bench/make_catalog.c), or of MS_TRACKS (script/bench typing --tracks N).
//
// From the press of a key (the time of its event) to the frame with the answer to what stands in the box then. Titles and
// artists of the catalog are typed letter by letter, one key in KEY_MS, as a quick hand does it. typing.answer is the part of the
// question, of names and of lines of lyrics: from its sending to the last byte of its answer. The screen does not wait for lines.

import path from 'node:path';
import { id, openPage, signIn, startBrowser } from '../tests/e2e/support/browser.mjs';
import { Server, build, run, until } from '../tests/e2e/support/server.mjs';
import { detail, median, print } from './support/figures.mjs';

const TRACKS = Number(process.env.MS_TRACKS ?? 100_000);
const PATIENCE_MS = 60_000 + TRACKS;
const WORDS = 40;
const WARM_UP = 4;
const LETTERS_MAX = 12;
const KEY_MS = 80;

/** In the page: notes when each key is pressed and when the answer to what it made is on the screen. */
function watch() {
  const box = document.querySelector('[data-testid=search]');
  const pressed = new Map();
  window.typed = [];
  window.missed = () => pressed.size;
  box.addEventListener('input', () => pressed.set(box.value, window.pressedAt));
  box.addEventListener('keydown', (event) => (window.pressedAt = event.timeStamp), { capture: true });
  const painted = (at) => requestAnimationFrame(() => {
    // Behind the frame: what it shows is drawn.
    const { port1, port2 } = new MessageChannel();
    port1.onmessage = () => window.typed.push(performance.now() - at);
    port2.postMessage(null);
  });
  new MutationObserver(() => {
    const words = document.querySelector('[data-testid=search-answer]')?.dataset.words;
    const at = pressed.get(words);
    if (at === undefined) return;
    pressed.delete(words);
    painted(at);
  }).observe(document.querySelector('main'), { subtree: true, childList: true, attributeFilter: ['data-words'] });
}

/** In the page: of the questions since the last time, how long each took. */
function answers() {
  const entries = performance.getEntriesByType('resource').filter((it) => it.name.endsWith('/graphql') && it.responseEnd > 0);
  performance.clearResourceTimings();
  return entries.map((it) => it.responseEnd - it.startTime);
}

const percentile = (figures, share) => [...figures].sort((a, b) => a - b)[Math.ceil(figures.length * share) - 1];

const server = new Server({ music: null });
const browser = await startBrowser();
try {
  run(path.join(build, 'bench/make_catalog'), [server.data, '-', `${TRACKS}`]);
  await server.start(PATIENCE_MS);
  await server.setUp();
  const { albums } = await server.graphql(`{ albums(first: ${WORDS}, sort: YEAR) { nodes { title artistLine } } }`);
  const words = albums.nodes.map((it, i) => (i % 2 === 0 ? it.title : it.artistLine));
  const found = async () => (await server.graphql('query ($words: String!) { search(query: $words) { totalCount } }', { words: words[0] })).search;
  await until(async () => (await found()).totalCount > 0, 'the index is built', PATIENCE_MS);
  const page = await openPage(browser);
  await signIn(page, server.origin);
  await page.goto(`${server.origin}/search`);
  await id(page, 'search').waitFor();
  await page.evaluate(watch);

  const took = [];
  const asked = [];
  for (const [index, text] of words.entries()) {
    await page.evaluate(answers);
    await id(page, 'search').pressSequentially(text.slice(0, LETTERS_MAX), { delay: KEY_MS });
    await until(() => page.evaluate((want) => document.querySelector('[data-testid=search-answer]')?.dataset.words === want, text.slice(0, LETTERS_MAX)),
      `"${text}" is answered`);
    const [painted, answered] = [await page.evaluate(() => window.typed.splice(0)), await page.evaluate(answers)];
    if (index >= WARM_UP) {
      took.push(...painted);
      asked.push(...answered);
    }
    await id(page, 'search').fill('');
  }
  print('typing.p50', median(took), 'ms');
  print('typing.p99', percentile(took, 0.99), 'ms');
  print('typing.answer', median(asked), 'ms');
  print('typing.overtaken', await page.evaluate(() => window.missed()), 'keys');
  detail('painted', took);
  detail('asked', asked);
} finally {
  await browser.close();
  await server.stop();
}
