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
  hold.answers?.open();
  Object.assign(hold, { messages: null, answers: null });
  await settled();
  await command('setRepeat', '', ', repeat: OFF');
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
  (await server.graphql('{ session { isPlaying positionMs currentEntryId queue { id track { id durationMs } } devices { id volume isOnline } } }')).session;

/** In the page: every play, pause and seek that the element is made to do, and what it says of them. */
function watchSound() {
  window.sound = [];
  window.volumes = [];
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
  const volume = Object.getOwnPropertyDescriptor(prototype, 'volume');
  Object.defineProperty(prototype, 'volume', {
    ...volume,
    set(level) {
      window.volumes.push(level);
      volume.set.call(this, level);
    },
  });
}

/** Messages of the server and answers to commands pass, until `messages` or `answers` says that they wait. */
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
    try {
      const response = await route.fetch();
      await state.answers?.promise;
      await route.fulfill({ response });
    } catch {
      await route.abort().catch(() => {}); // the server was killed, or the page is gone
    }
  });
  return state;
}

function gate() {
  let open;
  const promise = new Promise((resolve) => (open = resolve));
  return { promise, open };
}

/** Nothing that the page asked for waits for its answer. */
const settled = () =>
  until(async () => (await page.evaluate(() => window.musicstreamPlayer.unanswered)) === 0, 'all commands are answered');

/** What the server said until now has come to the page: another device's change, behind it, shows. */
async function caughtUp() {
  const label = () => id(page, 'repeat').first().getAttribute('aria-label');
  const before = await label();
  const { repeat } = (await server.graphql('{ session { repeat } }')).session;
  await command('setRepeat', ', $r: Repeat!', ', repeat: $r', { r: repeat === 'OFF' ? 'ALL' : 'OFF' });
  await until(async () => (await label()) !== before, 'the change shows');
}

/** Does it; what the server says comes before the answers, or long after, or as it likes. */
const ORDERS = {
  'as they come': async (act) => {
    await act();
    await settled();
  },
  'messages after the answers': async (act) => {
    hold.messages = [];
    await act();
    await settled();
    await until(() => hold.messages.length > 0, 'the server said something');
    for (const pass of hold.messages.splice(0)) pass();
    hold.messages = null;
  },
  'answers after the messages': async (act) => {
    hold.answers = gate();
    await act();
    await caughtUp();
    hold.answers.open();
    hold.answers = null;
    await settled();
  },
};

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
  await playLastOne();
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
  await goToTheEnd();
  await told;
  await settled();
  assert.deepEqual(await page.evaluate(() => window.sound), ['seek', 'play']);
  assert.ok((await session()).isPlaying);
  await untilPlayer(page, (player) => player.isPlaying, 'it plays');
});

test('what is put behind the last track when that is about to end is played', async () => {
  const { trackId, seconds } = await playLastOne();
  // Time goes slowly there: the end is as near as it has to be, and the machine may be as slow as it likes.
  const near = page.evaluate((length) => new Promise((arrived) => {
    const { audio } = window.musicstreamPlayer;
    const look = () => {
      if (window.musicstreamPlayer.currentTime < length - 2.5) return;
      audio.removeEventListener('timeupdate', look);
      audio.playbackRate = 0.0625;
      arrived();
    };
    audio.addEventListener('timeupdate', look);
  }), seconds);
  await goToTheEnd();
  await near;
  const { queue } = await command('enqueue', ', $t: [ID!]!', ', trackIds: $t, place: LAST', { t: [trackId] });
  assert.equal(queue.at(-1).track.id, trackId);
  await caughtUp();
  await page.evaluate(() => (window.musicstreamPlayer.audio.playbackRate = 1));
  await untilPlayer(page, (player) => player.isPlaying && player.currentTime < seconds / 2, 'it begins again');
  await untilPlayer(page, (player) => player.isPlaying && player.currentTime > 1, 'it plays on');
});

/** The last track of the queue plays. */
async function playLastOne() {
  await id(page, 'track').last().getByTestId('track-play').click();
  await settled();
  const { queue } = await session();
  const { id: trackId, durationMs } = queue.at(-1).track;
  await untilPlayer(page, (player) => player.isPlaying && player.trackId === trackId, 'the last track plays');
  return { trackId, seconds: durationMs / 1000 };
}

/** Seeks until it is so near that it is only a matter of seconds. */
const goToTheEnd = () => press(...Array(12).fill('ArrowRight'), 'ArrowLeft');

test('when the last one has ended, play begins it again', async () => {
  const { trackId } = await playLastOne();
  await goToTheEnd();
  await until(async () => !(await session()).isPlaying, 'the server knows that it ended');
  await settled();
  await press(' ');
  const again = await untilPlayer(page, (player) => player.isPlaying && player.currentTime > 0.3, 'it plays');
  assert.equal(again.trackId, trackId);
  assert.ok(again.currentTime < 5, `${again.currentTime} s`);
});

const ACTS = [
  { what: 'pause and play', keys: [' ', ' '], sound: ['pause', 'play'] },
  { what: 'two seeks', keys: ['ArrowRight', 'ArrowRight'], sound: ['seek', 'seek'] },
  { what: 'next', keys: ['N'], sound: ['seek', 'play'] },
  { what: 'next and next', keys: ['N', 'N'], sound: ['seek', 'play', 'seek', 'play'] },
  { what: 'a seek, next, pause and play', keys: ['ArrowRight', 'N', ' ', ' '], sound: ['seek', 'seek', 'play', 'pause', 'play'] },
];

for (const [order, during] of Object.entries(ORDERS))
  for (const { what, keys, sound } of ACTS)
    test(`${what}, ${order}: just that is done, once`, async () => {
      await during(() => press(...keys));
      await caughtUp();
      assert.deepEqual(await page.evaluate(() => window.sound), sound);
      const { isPlaying, currentEntryId, queue } = await session();
      assert.ok(isPlaying);
      const { trackId } = await untilPlayer(page, (player) => player.isPlaying, 'it plays');
      assert.equal(trackId, queue.find((entry) => entry.id === currentEntryId).track.id);
    });

for (const [order, during] of Object.entries(ORDERS))
  test(`the volume, ${order}: goes down with the keys and never back`, async () => {
    await command('setVolume', ', $d: ID!', ', deviceId: $d, volume: 100', { d: await device() });
    await caughtUp(); // else the keys go down from the test before's
    await until(() => page.evaluate(() => window.musicstreamPlayer.audio.volume > 0.7), 'it is loud');
    await page.evaluate(() => (window.volumes.length = 0));
    await during(async () => {
      await press('-', '-');
      await until(async () => (await session()).devices.some((it) => it.volume === 90), 'the server has the first two');
      await press('-', '-');
      await until(async () => (await page.evaluate(() => window.musicstreamPlayer.unanswered)) > 0, 'the others are asked for');
    });
    await settled();
    await caughtUp();
    const volumes = await page.evaluate(() => window.volumes);
    assert.ok(volumes.length > 0);
    assert.deepEqual(volumes, [...volumes].sort((a, b) => b - a));
    assert.equal((await session()).devices.find((it) => it.isOnline).volume, 80);
  });

const device = () => page.evaluate(() => window.musicstreamPlayer.deviceId);

test('pause and play before the server has named what plays: it plays on', async () => {
  await command('clearQueue');
  await untilPlayer(page, (player) => player.trackId === null, 'nothing is chosen');
  hold.answers = gate();
  await page.evaluate(() => {
    window.sound.length = 0;
    document.querySelector('[data-testid=play-album]').click();
    for (const key of [' ', ' ']) window.dispatchEvent(new KeyboardEvent('keydown', { key, bubbles: true, cancelable: true }));
  });
  await caughtUp();
  hold.answers.open();
  hold.answers = null;
  await settled();
  assert.ok((await session()).isPlaying);
  await untilPlayer(page, (player) => player.isPlaying && player.currentTime > 0.2, 'it plays');
  assert.deepEqual(await page.evaluate(() => window.sound), ['seek', 'play', 'pause', 'play']);
});

test('an address is refused and the question for a new one is lost: it is asked again, and plays', async () => {
  const track = id(page, 'track').last();
  const trackId = await track.getAttribute('data-track-id');
  let refused = 0;
  let lost = 0;
  const refuse = (route) => {
    if (lost > 0) return route.fallback();
    refused++;
    return route.fulfill({ status: 403, contentType: 'application/problem+json', body: '{"status":403,"code":"FORBIDDEN"}' });
  };
  const lose = (route) => {
    const { query = '', variables } = route.request().postDataJSON() ?? {};
    if (lost > 0 || !/^query Stream\(/.test(query) || variables.id !== trackId) return route.fallback();
    lost++;
    return route.abort();
  };
  await page.route('**/hls/**', refuse);
  await page.route('**/graphql', lose);
  try {
    await track.getByTestId('track-play').click();
    await until(() => refused > 0 && lost > 0, 'an address is refused, and the question for another lost');
    await untilPlayer(page, (player) => player.trackId === trackId && player.isPlaying && player.currentTime > 0.5, 'it plays');
  } finally {
    await page.unroute('**/hls/**', refuse);
    await page.unroute('**/graphql', lose);
  }
});

test('it is sought while the beginning of a track is on its way: it plays from the last place', async () => {
  const track = id(page, 'track').last();
  const trackId = await track.getAttribute('data-track-id');
  const beginning = gate();
  let asked = 0;
  const wait = async (route) => {
    asked++;
    await beginning.promise;
    await route.fallback().catch(() => {}); // nobody waits for it any more
  };
  await page.route('**/init.mp4', wait);
  try {
    await track.getByTestId('track-play').click();
    await until(() => asked > 0, 'its beginning is asked for');
    for (const seconds of [8, 12]) {
      const before = asked;
      await command('seek', ', $ms: Int!', ', positionMs: $ms', { ms: seconds * 1000 });
      await untilPlayer(page, (player) => player.trackId === trackId && player.currentTime >= seconds, 'it is sought');
      await until(() => asked > before, 'its beginning is asked for again');
    }
    beginning.open();
    await untilPlayer(page, (player) => player.isPlaying && player.currentTime > 12.2 && player.currentTime < 20, 'it plays');
  } finally {
    beginning.open();
    await page.unroute('**/init.mp4', wait);
  }
});

test('the server is killed and comes back with an older position: what plays is not set back', async () => {
  await untilPlayer(page, (player) => player.isPlaying && player.currentTime > 2, 'it plays for a while');
  await page.evaluate(() => (window.sound.length = 0));
  await server.kill();
  await server.start();
  await until(async () => (await session()).devices.some((it) => it.isOnline), 'the page is back');
  await caughtUp();
  assert.deepEqual(await page.evaluate(() => window.sound), []);
  await untilPlayer(page, (player) => player.isPlaying && player.currentTime > 2, 'it plays on');
});

test('another device places playback: that is followed', async () => {
  await command('seek', '', ', positionMs: 15000');
  await untilPlayer(page, (player) => player.isPlaying && player.currentTime > 14 && player.currentTime < 20, 'it is there');
  await command('pause');
  await untilPlayer(page, (player) => !player.isPlaying, 'it is paused');
  await command('play', ', $d: ID!', ', deviceId: $d', { d: await device() });
  await untilPlayer(page, (player) => player.isPlaying && player.currentTime > 14, 'it goes on');
});
