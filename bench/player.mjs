// player.start, player.next: the page in Chromium, on the same machine as the node.
//
// player.start  From the press of a track's play button on its album's page to the element's `playing` event. Nothing
//               plays, and nothing of the track was ever encoded or fetched: the press is a click event without a
//               pointer, since the page begins to load what a pointer comes to rest on.
// player.next   From the press of "next" to the element's last `playing` event on the next track, whose beginning is on
//               the page's timeline: should it stop once more after the first, that counts. Beside it player.next_device: back from the moment when the playhead has moved
//               PLAYED_SECONDS to when it would have begun to, so with what the browser's output holds back (its clock is
//               that of the loudspeaker); a machine without a sound card has Chromium's stand-in for one.
//
// Times are the page's own (performance.now()). Each run is an album that no run touched before.

import { existsSync } from 'node:fs';
import path from 'node:path';
import { id, openPage, signIn, startBrowser, untilPlayer } from '../tests/e2e/support/browser.mjs';
import { startServer, until } from '../tests/e2e/support/server.mjs';
import { detail, makeMusic, median, print } from './support/figures.mjs';

const RUNS = 15;
const WARM_UP = 2;
const TRACKS_PER_ALBUM = 12;
const SECONDS = 8;
/** Neither the first track, which an album's page loads when it opens, nor one beside it. */
const TRACK = 5;
const PLAYED_SECONDS = 0.1;
/** A page is looked at before play is pressed: nothing was fetched for so long. */
const QUIET_MS = 1000;
/** Loudness included. */
const SCAN_LIMIT_MS = 300_000;
/** Of the next track, on the timeline, before it is pressed. */
const NEXT_SECONDS = 3;

/** In the page: presses play and waits for the event; says when the segment was asked for and there, too. */
function pressPlay({ trackId, number }) {
  const { audio } = window.musicstreamPlayer;
  const row = document.querySelector(`[data-testid="track"][data-track-id="${trackId}"]`);
  performance.clearResourceTimings();
  return new Promise((resolve, reject) => {
    const began = performance.now();
    audio.addEventListener('playing', () => {
      const heard = performance.now();
      const segment = performance.getEntriesByType('resource')
        .find((it) => it.name.includes(`/${number}/`) && it.name.endsWith('/0.m4s'));
      if (segment === undefined) reject(new Error('it played without the first segment'));
      else resolve({ heard: heard - began, asked: segment.requestStart - began, got: segment.responseEnd - began });
    }, { once: true });
    row.querySelector('[data-testid="track-play"]').click();
  });
}

/** In the page: presses "next" and looks at the playhead every 4 ms: more often would take the CPU from what it measures. */
function pressNext(playedSeconds) {
  const { musicstreamPlayer: player } = window;
  const { audio } = player;
  const old = player.trackId;
  let playing = 0;
  let times = 0;
  let start = null;
  const onPlaying = () => {
    if (player.trackId === old) return;
    playing = performance.now();
    times++;
  };
  audio.addEventListener('playing', onPlaying);
  return new Promise((resolve) => {
    const began = performance.now();
    const look = () => {
      const now = performance.now();
      if (start === null && player.trackId !== old && !audio.seeking) start = audio.currentTime;
      const played = start === null ? 0 : audio.currentTime - start;
      if (playing === 0 || played < playedSeconds) {
        setTimeout(look);
        return;
      }
      audio.removeEventListener('playing', onPlaying);
      resolve({ sound: playing - began, device: now - played * 1000 - began, times });
    };
    document.querySelector('[data-testid="next"]').click();
    look();
  });
}

/** In the page: of what follows the track that plays, seconds that are on the timeline. */
function nextSeconds(trackSeconds) {
  const { musicstreamPlayer: player } = window;
  const { buffered, currentTime } = player.audio;
  for (let i = 0; i < buffered.length; i++)
    if (buffered.start(i) <= currentTime && currentTime < buffered.end(i))
      return buffered.end(i) - currentTime - (trackSeconds - player.currentTime);
  return 0;
}

/** In the page: whether nothing was fetched for a while. */
function isQuiet(quietMs) {
  const last = performance.getEntriesByType('resource').reduce((latest, it) => Math.max(latest, it.responseEnd), 0);
  return performance.now() - last > quietMs;
}

/** As the page's own links do it: without loading the page again. */
function goTo(address) {
  window.history.pushState({}, '', address);
  window.dispatchEvent(new PopStateEvent('popstate', { state: {} }));
}

const albumCount = RUNS + WARM_UP;
const server = await startServer({ music: makeMusic(albumCount * TRACKS_PER_ALBUM, SECONDS) });
const browser = await startBrowser();
try {
  await server.setUp();
  await server.scanned(albumCount * TRACKS_PER_ALBUM, SCAN_LIMIT_MS);
  const { albums } = await server.graphql(
    'query ($first: Int) { albums(first: $first) { nodes { id tracks { id durationMs stream { hls } } } } }',
    { first: albumCount });
  const page = await openPage(browser);
  await signIn(page, server.origin);
  await page.mouse.click(640, 5); // a person was here: sound may start

  const runs = [];
  for (const album of albums.nodes) {
    const track = album.tracks[TRACK];
    const number = /\/(\d+)\/all\//.exec(track.stream.hls)[1];
    await page.evaluate(goTo, `/album/${album.id}`);
    await page.locator(`[data-testid="track"][data-track-id="${track.id}"]`).waitFor();
    await until(() => page.evaluate(isQuiet, QUIET_MS), 'the page has loaded what it wanted');
    if (existsSync(path.join(server.data, 'segments', number))) throw new Error('the track is not cold');
    const start = await page.evaluate(pressPlay, { trackId: track.id, number });
    await until(async () => (await page.evaluate(nextSeconds, track.durationMs / 1000)) > NEXT_SECONDS, 'the next track is there');
    const next = await page.evaluate(pressNext, PLAYED_SECONDS);
    await id(page, 'play-pause').click();
    await untilPlayer(page, (it) => !it.isPlaying, 'paused');
    runs.push({ ...start, ...next });
  }
  const figures = (name) => runs.slice(WARM_UP).map((it) => it[name]);
  print('player.start', median(figures('heard')), 'ms');
  print('player.next', median(figures('sound')), 'ms');
  print('player.next_device', median(figures('device')), 'ms');
  for (const name of ['heard', 'asked', 'got', 'sound', 'device', 'times']) detail(name, figures(name));
} finally {
  await browser.close();
  await server.stop();
}
