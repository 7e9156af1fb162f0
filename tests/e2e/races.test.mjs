// races.test.mjs -- what a listener asked for last is what holds: nothing late undoes it, be it an event of the browser
// about an older wish, the server's word about an older command, or the answer that comes before or after that word.
// Every order is made here, not waited for: keys within one task of the page, messages and answers held back.

import assert from 'node:assert/strict';
import { after, before, beforeEach, test } from 'node:test';
import { id, openPage, probe, signIn, startBrowser, untilPlayer } from './support/browser.mjs';
import { commandId, startServer, until } from './support/server.mjs';

let server, browser, page, hold;

before(async () => {
  server = await startServer();
  await server.setUp();
  await server.scanned(12);
  browser = await startBrowser();
  page = await openPage(browser);
  hold = await holdBack(page);
  await page.addInitScript(watchSound);
  await signIn(page, server.origin);
  await id(page, 'album').filter({ hasText: 'Harbour Lights' }).getByRole('link').first().click();
});

after(async () => {
  await browser?.close();
  const ended = await server?.stop();
  assert.equal(ended?.code, 0, server?.log);
});

beforeEach(async () => {
  Object.assign(hold, { messages: null, answers: null });
  await command('clearQueue');
  await untilPlayer(page, (player) => player.trackId === null, 'nothing is chosen');
  await id(page, 'play-album').click();
  await untilPlayer(page, (player) => player.isPlaying && player.isActive && player.currentTime > 0.2, 'it plays');
  await settled();
});

/** A command of another device. */
async function command(field, types = '', args = '', variables = {}) {
  const { session } = await server.graphql(
    `mutation ($c: ID!${types}) { session: ${field}(commandId: $c${args}) { version isPlaying positionMs queue { id track { id } } } }`,
    { c: commandId(), ...variables });
  return session;
}

const session = async () =>
  (await server.graphql('{ session { isPlaying positionMs currentEntryId queue { id track { id durationMs } } devices { id volume } } }')).session;

/** In the page: every play, pause and seek that the element is made to do, and what it says of them. */
function watchSound() {
  window.sound = [];
  const { prototype } = HTMLMediaElement;
  for (const name of ['play', 'pause']) {
    const original = prototype[name];
    prototype[name] = function () {
      window.sound.push(name);
      return original.call(this);
    };
  }
  const time = Object.getOwnPropertyDescriptor(prototype, 'currentTime');
  Object.defineProperty(prototype, 'currentTime', {
    ...time,
    set(seconds) {
      window.sound.push('seek');
      time.set.call(this, seconds);
    },
  });
}

/** Messages of the server and answers to commands pass, until `hold.messages` or `hold.answers` says that they wait. */
async function holdBack(on) {
  const state = { messages: null, answers: null };
  await on.routeWebSocket(/\/graphql$/, (socket) => {
    const upstream = socket.connectToServer();
    upstream.onMessage((text) => {
      if (state.messages !== null && JSON.parse(text).type === 'next') state.messages.push(() => socket.send(text));
      else socket.send(text);
    });
  });
  await on.route('**/graphql', async (route) => {
    const isCommand = /^mutation/.test(route.request().postDataJSON()?.query ?? '');
    if (!isCommand) return route.continue();
    const response = await route.fetch();
    await state.answers?.promise;
    return route.fulfill({ response }).catch(() => {}); // the page may be another by now
  });
  return state;
}

function gate() {
  let open;
  const promise = new Promise((resolve) => (open = resolve));
  return { promise, open };
}

/** Nothing that the page asked for waits for its answer, and what the server said came. */
async function settled() {
  await until(async () => (await page.evaluate(() => window.musicstreamPlayer.unanswered)) === 0, 'all commands are answered');
}

/** Keys within one task of the page: nothing the browser has to say comes between them. */
const press = (...keys) =>
  page.evaluate((all) => {
    window.sound.length = 0;
    for (const key of all) window.dispatchEvent(new KeyboardEvent('keydown', { key, bubbles: true, cancelable: true }));
  }, keys);

test('pause and play in one breath: it plays on', async () => {
  const told = page.evaluate(() => new Promise((heard) => {
    // The events of an element are told in order: after `play` that of the pause is through.
    window.musicstreamPlayer.audio.addEventListener('play', () => setTimeout(heard), { once: true });
  }));
  await press(' ', ' ');
  await told;
  await settled();
  assert.deepEqual(await page.evaluate(() => window.sound), ['pause', 'play']);
  assert.ok((await session()).isPlaying);
  await untilPlayer(page, (player) => player.isPlaying, 'it plays');
});

test('the end and going back in one breath: it plays on', async () => {
  await playLastSeconds();
  const told = page.evaluate(() => new Promise((heard) => {
    const { audio } = window.musicstreamPlayer;
    // At its end the element is paused, and says so after this event: the key comes between.
    const look = () => {
      if (!audio.ended) return;
      audio.removeEventListener('timeupdate', look);
      window.sound.length = 0;
      window.dispatchEvent(new KeyboardEvent('keydown', { key: 'ArrowLeft', bubbles: true, cancelable: true }));
      audio.addEventListener('playing', () => heard(), { once: true });
    };
    audio.addEventListener('timeupdate', look);
  }));
  await told;
  await settled();
  assert.deepEqual(await page.evaluate(() => window.sound), ['seek', 'play']);
  assert.ok((await session()).isPlaying);
  await untilPlayer(page, (player) => player.isPlaying, 'it plays');
});

test('what is put behind the last track when that is about to end is played', async () => {
  const { trackId } = await playLastSeconds();
  const { queue } = await command('enqueue', ', $t: [ID!]!', ', trackIds: $t, place: LAST', { t: [trackId] });
  assert.equal(queue.at(-1).track.id, trackId);
  await untilPlayer(page, (player) => player.isPlaying && player.currentTime < 5, 'it begins again');
  await untilPlayer(page, (player) => player.isPlaying && player.currentTime > 1, 'it plays on');
});

/** The last track of the queue plays, and is so near to its end that the page has told the decoder. */
async function playLastSeconds() {
  await id(page, 'track').last().getByTestId('track-play').click();
  const { queue } = await session();
  const { id: trackId, durationMs } = queue.at(-1).track;
  const seconds = durationMs / 1000;
  await untilPlayer(page, (player) => player.isPlaying && player.trackId === trackId, 'the last track plays');
  for (;;) {
    const { currentTime } = await probe(page);
    if (currentTime > seconds - 6) break;
    await press('ArrowRight');
    await untilPlayer(page, (player) => player.currentTime > currentTime + 4, 'it sought');
  }
  return untilPlayer(page, (player) => player.isPlaying && player.currentTime > seconds - 2.5, 'it is near its end', 40000);
}
