// search.test.mjs -- the search in a real browser: as one types, by keyboard alone, without a network, for all.

import { AxeBuilder } from '@axe-core/playwright';
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { id, openPage, signIn, startBrowser, untilPlayer } from './support/browser.mjs';
import { commandId, program, run, Server, startServer, until } from './support/server.mjs';

const TAGS = ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa'];
let server, browser, page;

before(async () => {
  server = await startServer();
  browser = await startBrowser();
  await server.setUp();
  await server.scanned(12);
  page = await openPage(browser, null, { reducedMotion: 'reduce' });
  await signIn(page, server.origin);
});

after(async () => {
  await browser?.close();
  await server?.stop();
});

const box = () => id(page, 'search');
const group = (name) => id(page, `search-group-${name}`);
const results = () => id(page, 'search-results');
const address = () => new URL(page.url());
const focused = () => page.evaluate(() => document.activeElement?.dataset.testid ?? document.activeElement?.tagName);
const active = () => page.evaluate(() => {
  const it = document.getElementById(document.activeElement.getAttribute('aria-activedescendant'));
  return it?.getAttribute('aria-selected') === 'true' ? it.dataset.testid : null;
});
const recent = async () => (await server.graphql('{ recentSearches { query } }')).recentSearches.map((it) => it.query);
const note = (q) => server.graphql('mutation ($c: ID!, $q: String!) { noteSearch(commandId: $c, query: $q) { query } }', { c: commandId(), q });

async function open(where = '/search') {
  await page.goto(server.origin + where);
  await box().waitFor();
}

const said = (words) => until(async () => words.test(await id(page, 'search-status').textContent()), `${words} is said`);

async function accessible(where) {
  const { violations } = await new AxeBuilder({ page }).withTags(TAGS).analyze();
  assert.deepEqual(violations.map((it) => `${it.id}: ${it.nodes.map((node) => node.target.join(' ')).join(', ')}`), [], where);
}

/** What the node is asked from here on. */
function questions() {
  const asked = [];
  page.on('request', (request) => {
    const body = request.postDataJSON?.();
    if (body?.query?.startsWith('query Search(')) asked.push(body.variables.query);
  });
  return asked;
}

test('it answers from the first letter, and every letter asks at once', async () => {
  await open();
  const asked = questions();
  await box().pressSequentially('h');
  await results().getByText('Harbour Lights').first().waitFor();
  await box().pressSequentially('ar');
  await until(() => asked.length === 3, 'three letters are three questions');
  assert.deepEqual(asked, ['h', 'ha', 'har']);
  await until(() => address().searchParams.get('q') === 'har', 'the words are in the address');
});

test('what is late is never shown, and the last results stay until the next are there', async () => {
  await open();
  await box().fill('harbour');
  await results().getByText('Harbour Lights').first().waitFor();
  const held = [];
  await page.route('**/graphql', async (route) => {
    const { query, variables } = route.request().postDataJSON();
    if (query.startsWith('query Search(')) await new Promise((go) => held.push({ words: variables.query, go }));
    await route.continue().catch(() => undefined); // the page has cancelled it
  });
  await box().fill('night');
  await until(() => held.length === 1, 'the first is on its way');
  await results().getByText('Harbour Lights').first().waitFor();
  await box().fill('salt');
  await until(() => held.length === 2, 'the second, too');
  const seen = await page.evaluateHandle(() => {
    const texts = new Set();
    new MutationObserver(() => texts.add(document.querySelector('[data-testid=search-results]')?.textContent ?? 'nothing'))
      .observe(document.querySelector('main'), { subtree: true, childList: true, characterData: true });
    return texts;
  });
  held[1].go();
  await results().getByText('Salt Air').first().waitFor();
  held[0].go();
  await page.unroute('**/graphql');
  await box().fill('salt air');
  await until(() => address().searchParams.get('q') === 'salt air', 'it goes on');
  const texts = await page.evaluate((it) => [...it], seen);
  assert.ok(texts.every((text) => !/Night Trains/.test(text) && text !== 'nothing'), texts.join('\n'));
});

test('names do not wait for lyrics, which are looked through when the fingers rest', async () => {
  await open();
  const lines = [], aborted = [];
  page.on('requestfailed', (request) => aborted.push(request.postDataJSON?.()?.variables?.query));
  await page.route('**/graphql', async (route) => {
    const { query, variables } = route.request().postDataJSON();
    if (query.startsWith('query SearchLyrics(')) await new Promise((go) => lines.push({ words: variables.query, go }));
    await route.continue().catch(() => undefined); // the page has cancelled it
  });
  await box().fill('harbour');
  await until(() => lines.length === 1, 'its lines are asked for');
  await results().getByText('Harbour Lights').first().waitFor();
  await box().fill('night');
  await results().getByText('Night Trains').first().waitFor();
  await until(() => lines.length === 2, 'so are those of what was typed next');
  await until(() => aborted.includes('harbour'), 'the first are not waited for any more');
  assert.equal(await group('lyrics').count(), 0);
  lines[1].go();
  await group('lyrics').getByText('Night train, carry me').waitFor();
  lines[0].go();
  await page.unroute('**/graphql');
});

test('what nothing is called is not said to be missing before its lyrics were looked through', async () => {
  await open();
  const seen = await page.evaluateHandle(() => {
    const noted = { isMissing: false };
    new MutationObserver(() => (noted.isMissing ||= document.querySelector('[data-testid=search-none]') !== null))
      .observe(document.querySelector('main'), { subtree: true, childList: true });
    return noted;
  });
  await box().fill('ropes and water whisper');
  await id(page, 'lyrics-line').first().waitFor();
  assert.equal(await page.evaluate((it) => it.isMissing, seen), false);
});

test('by keyboard alone: from anywhere into the box, through the results, into one of them, and back', async () => {
  await page.goto(server.origin);
  await id(page, 'album').first().waitFor();
  await page.keyboard.press('/');
  await until(async () => (await focused()) === 'search', 'the box has the focus');
  await page.keyboard.type('small hours');
  await results().getByText('Small Hours').first().waitFor();
  assert.equal(await active(), null, 'nothing is chosen by itself');
  while ((await active()) !== 'album') await page.keyboard.press('ArrowDown');
  assert.equal(await focused(), 'search', 'the focus stays in the box');
  await page.keyboard.press('Enter');
  await id(page, 'play-album').waitFor();
  await page.keyboard.press('Control+k');
  await until(async () => (await focused()) === 'search', 'another key leads there, too');
  await page.goBack();
  await page.goBack();
  await results().getByText('Small Hours').first().waitFor();
  assert.equal(await box().inputValue(), 'small hours', 'back is where it was');
  assert.ok((await recent()).includes('small hours'));

  await page.keyboard.press('ArrowUp');
  assert.notEqual(await active(), null, 'up leads to the last one');
  await page.keyboard.press('ArrowDown');
  assert.equal(await active(), null, 'and down again into the box');
  await page.keyboard.press('Escape');
  assert.equal(await box().inputValue(), '');
  assert.equal(await focused(), 'search');
  await page.keyboard.press('Escape');
  assert.equal(await focused(), 'MAIN', 'the focus is never lost');
});

test('Enter plays a track, the menu key shows what else can be done with it', async () => {
  await open('/search?q=salt+air');
  await results().getByTestId('track').first().waitFor();
  while ((await active()) !== 'track') await page.keyboard.press('ArrowDown');
  await page.keyboard.press('Shift+F10');
  await page.getByRole('menuitem', { name: 'Add to queue' }).waitFor();
  await accessible('results, and the menu of one');
  await page.keyboard.press('Escape');
  await until(async () => (await focused()) === 'search', 'the focus comes back');
  await page.keyboard.press('Enter');
  await untilPlayer(page, (player) => player.isPlaying, 'it plays');
  assert.equal(await id(page, 'now-title').textContent(), 'Salt Air');
  assert.equal(await focused(), 'search');
  await id(page, 'play-pause').click();
});

test('lines that come later take neither what was chosen away nor its menu', async () => {
  const lines = [];
  await page.route('**/graphql', async (route) => {
    if (route.request().postDataJSON().query.startsWith('query SearchLyrics(')) await new Promise((go) => lines.push(go));
    await route.continue().catch(() => undefined); // the page has cancelled it
  });
  await open('/search?q=night');
  await results().getByTestId('track').first().waitFor();
  while ((await active()) !== 'track') await page.keyboard.press('ArrowDown');
  await page.keyboard.press('Shift+F10');
  const item = page.getByRole('menuitem', { name: 'Add to queue' });
  await item.waitFor();
  await until(() => lines.length === 1, 'its lines are asked for');
  lines[0]();
  await group('lyrics').getByText('Night train, carry me').waitFor();

  assert.equal(await item.isVisible(), true);
  await page.keyboard.press('Escape');
  await until(async () => (await focused()) === 'search', 'the focus comes back');
  assert.equal(await active(), 'track');
  assert.equal(await box().inputValue(), 'night');
  await page.unroute('**/graphql');
});

test('all of a kind has a page of its own', async () => {
  await open('/search?q=a');
  await results().waitFor();
  await page.getByRole('navigation', { name: 'Kinds of results' }).getByRole('link', { name: 'Tracks' }).click();
  await id(page, 'all-tracks').getByTestId('track').first().waitFor();
  assert.equal((await id(page, 'all-tracks').locator('mark').first().textContent()).toLowerCase(), 'a', 'what was found is marked here, too');
  assert.equal(address().pathname, '/search/tracks');
  assert.equal(address().searchParams.get('q'), 'a');
  await box().press('ArrowDown');
  assert.equal(await page.evaluate(() => document.activeElement.closest('[data-testid=all-tracks]') !== null), true);
  await box().fill('salt');
  await id(page, 'all-tracks').getByText('Copper Kettle').waitFor({ state: 'detached' });
  await id(page, 'all-tracks').getByText('Salt Air').waitFor();
  await page.goBack();
  await until(() => address().pathname === '/search', 'back');
});

test('what was searched for stands below the empty box, and can be taken away', async () => {
  await note('one');
  await note('two');
  await note('three');
  await open();
  const rows = id(page, 'recent');
  await rows.first().waitFor();
  assert.equal(await rows.first().textContent(), 'three');
  await accessible('recent searches');
  await page.keyboard.press('ArrowDown');
  await page.keyboard.press('ArrowDown');
  await page.keyboard.press('Delete');
  await until(async () => !(await recent()).includes('two'), 'one is gone');
  assert.equal(await page.evaluate(() => document.activeElement.textContent), 'one', 'the focus is on what took its place');
  await page.keyboard.press('Enter');
  await until(async () => (await box().inputValue()) === 'one', 'it is searched for again');
  await box().fill('');
  await id(page, 'recent-clear').click();
  await rows.first().waitFor({ state: 'detached' });
  await until(async () => (await recent()).length === 0, 'all are gone');
  assert.equal(await focused(), 'search');
});

test('without a network the results stay, it says so, and goes on by itself', async () => {
  await open('/search?q=harbour');
  await results().getByText('Harbour Lights').first().waitFor();
  await page.context().setOffline(true);
  await box().fill('night');
  await id(page, 'search-problem').waitFor();
  await results().getByText('Harbour Lights').first().waitFor();
  await page.context().setOffline(false);
  await results().getByText('Night Trains').first().waitFor();
  await id(page, 'search-problem').waitFor({ state: 'detached' });
});

test('it is said what was found, also that nothing was, and what to try', async () => {
  await open('/search?q=harbour');
  await said(/^\d+ results/);
  await box().fill('xqzwv');
  await id(page, 'search-none').getByText('Nothing matches “xqzwv”.').waitFor();
  await said(/^0 results/);
  await accessible('nothing');
});

test('where nothing is found, what was searched for before is offered', async () => {
  await note('harbour');
  await open('/search?q=xqzwv');
  await id(page, 'search-before').getByText('harbour').waitFor();
  await accessible('nothing, and what to try');
  await id(page, 'search-before').first().click();
  await results().getByText('Harbour Lights').first().waitFor();
  assert.equal(await focused(), 'search');
});

test('a long title loses its end, not its start, in a page of either direction', async () => {
  await open('/search?q=harbour+lights');
  const title = results().locator('.found-title').first();
  await title.waitFor();
  const isBesidePicture = () => title.evaluate((it) => {
    const range = document.createRange();
    range.selectNodeContents(it);
    const [text, box] = [range.getBoundingClientRect(), it.getBoundingClientRect()];
    return document.documentElement.dir === 'rtl' ? Math.abs(text.right - box.right) < 2 : Math.abs(text.left - box.left) < 2;
  });
  for (const direction of ['rtl', 'ltr']) {
    await page.evaluate((it) => (document.documentElement.dir = it), direction);
    assert.ok(await isBesidePicture(), `${direction}: a short title stands beside its picture`);
  }
  await page.addStyleTag({ content: '.found-title { max-inline-size: 64px; }' });
  for (const direction of ['ltr', 'rtl']) {
    await page.evaluate((it) => (document.documentElement.dir = it), direction);
    const { first, last, room } = await title.evaluate((it) => {
      const walker = document.createTreeWalker(it, NodeFilter.SHOW_TEXT);
      const texts = [];
      while (walker.nextNode()) texts.push(walker.currentNode);
      const at = (node, index) => {
        const range = document.createRange();
        range.setStart(node, index);
        range.setEnd(node, index + 1);
        const { left, right } = range.getBoundingClientRect();
        return { left, right };
      };
      const { left, right } = it.getBoundingClientRect();
      return { first: at(texts[0], 0), last: at(texts.at(-1), texts.at(-1).length - 1), room: { left, right } };
    });
    assert.ok(first.left >= room.left - 1 && first.right <= room.right + 1, `${direction}: it begins in sight`);
    assert.ok(last.right > room.right, `${direction}: it ends out of sight`);
  }
  await accessible('right to left');
});

test('a misspelling is understood and said so; what was typed can be meant as it stands', async () => {
  await open();
  await box().pressSequentially('harbuor ligths');
  await id(page, 'did-you-mean').getByText('harbour lights').waitFor();
  await results().getByText('Harbour Lights').first().waitFor();
  await said(/harbour lights/);
  await id(page, 'search-exactly').click();
  await id(page, 'search-none').waitFor();
  assert.equal(address().searchParams.get('exact'), '1');
  await id(page, 'search-loosely').first().click();
  await results().getByText('Harbour Lights').first().waitFor();
  assert.equal(address().searchParams.get('exact'), null);
});

test('filters show what they would leave, go together, and stand in the address', async () => {
  const { tracks } = await server.graphql('{ tracks(first: 20) { nodes { title mood genres { name } } } }');
  const ambient = tracks.nodes.filter((it) => it.genres.some(({ name }) => name === 'Ambient'));
  const calm = ambient.filter((it) => it.mood.includes('Calm'));
  await open();
  await id(page, 'filter-genres').focus();
  await page.keyboard.press('Enter');
  const genre = page.getByRole('menuitemcheckbox', { name: /^Ambient/ });
  await genre.waitFor();
  assert.match(await genre.textContent(), new RegExp(`${ambient.length}$`));
  await accessible('the menu of a filter');
  await genre.press('Enter');
  await group('top').or(group('tracks')).first().waitFor();
  await page.keyboard.press('Escape');
  await until(() => address().searchParams.get('genre') === 'Ambient', 'it is in the address');
  await id(page, 'filter-moods').click();
  const mood = page.getByRole('menuitemcheckbox', { name: /^Calm/ });
  await mood.waitFor();
  assert.match(await mood.textContent(), new RegExp(`${calm.length}$`), 'counted among what the other filter leaves');
  await mood.click();
  await page.keyboard.press('Escape');
  const shown = async () => [...new Set(await id(page, 'track').locator('.found-title').allTextContents())].sort();
  await until(async () => JSON.stringify(await shown()) === JSON.stringify(calm.map((it) => it.title).sort()), 'both together');
  await page.goBack();
  await until(async () => (await shown()).length === new Set(ambient.map((it) => it.title)).size, 'back takes the last one away');
  await page.reload();
  await until(async () => (await shown()).length === new Set(ambient.map((it) => it.title)).size, 'they outlive the page');
  await id(page, 'filter-clear').click();
  await until(() => address().search === '', 'all are gone');
  await id(page, 'filter-formats').click();
  await page.getByRole('menuitemcheckbox', { name: /^AIFF/ }).waitFor();
  assert.equal(await page.getByRole('menuitemcheckbox', { name: /pcm/i }).count(), 0, 'a format is what people call it');
  await page.keyboard.press('Escape');
});

test('a line of the lyrics finds its track, and plays it from there with the lyrics in sight', async () => {
  await open('/search?q=lamps+along+the+quay');
  const line = id(page, 'lyrics-line').first();
  await line.getByText('All the lamps along the quay').waitFor();
  while ((await active()) !== 'lyrics-line') await page.keyboard.press('ArrowDown');
  await page.keyboard.press('Enter');
  await untilPlayer(page, (player) => player.isPlaying && player.currentTime >= 11.9 && player.currentTime < 20, 'it plays from the line on');
  await id(page, 'lyrics-view').getByText('All the lamps along the quay').waitFor();
  await page.keyboard.press('Escape');
  await until(async () => (await focused()) === 'search', 'the focus comes back');
  await id(page, 'play-pause').click();
});

test('people, and what they let others hear', async () => {
  run(program, ['user', 'add', 'bob', '--data', server.data], { input: 'correct horse battery\n' });
  const bob = Object.assign(Object.create(Server.prototype), { origin: server.origin, cookies: new Map() });
  await bob.request('POST', '/api/v1/session', { name: 'bob', password: 'correct horse battery', deviceName: 'phone' });
  const { tracks } = await bob.graphql('{ tracks(first: 2) { nodes { id } } }');
  const { createPlaylist: made } = await bob.graphql(
    'mutation ($c: ID!, $t: [ID!]) { createPlaylist(commandId: $c, name: "Songs for rowing", trackIds: $t) { id } }',
    { c: commandId(), t: tracks.nodes.map((it) => it.id) });
  await bob.graphql('mutation ($c: ID!) { createPlaylist(commandId: $c, name: "Diary") { id } }', { c: commandId() });
  await bob.graphql('mutation ($c: ID!, $id: ID!) { setPlaylistPublic(commandId: $c, id: $id, isPublic: true) { id } }', { c: commandId(), id: made.id });
  const { createPlaylist: own } = await server.graphql(
    'mutation ($c: ID!) { createPlaylist(commandId: $c, name: "Songs for walking") { id } }', { c: commandId() });
  await until(async () => (await server.graphql('{ search(query: "songs for") { playlists { totalCount } } }')).search.playlists.totalCount === 2,
    'both are found');
  await open();
  await box().fill('walking');
  await results().getByTestId('playlist').first().click();
  await id(page, 'playlist-public').click();
  await until(async () => (await bob.graphql('query ($id: ID!) { playlist(id: $id) { name } }', { id: own.id })).playlist !== null,
    'others may hear it');
  await open('/search?q=rowing');
  await results().getByTestId('playlist').first().click();
  await id(page, 'playlist-title').waitFor();
  assert.equal(await id(page, 'rename-playlist').count(), 0, 'it is there to be heard');
  await page.getByRole('link', { name: 'by bob' }).click();
  await id(page, 'follow').click();
  await page.getByText('1 follower').waitFor();
  const lists = id(page, 'person-playlists').getByTestId('playlist');
  await lists.getByText('Songs for rowing').waitFor();
  assert.equal(await lists.count(), 1, 'what is private is not there');
  await accessible('a person');
  await open('/search?q=bob');
  await results().getByTestId('person').first().waitFor();
});

test('the page complained of nothing', () => {
  assert.deepEqual(page.problems.filter((problem) => !/WebSocket|ERR_INTERNET_DISCONNECTED/.test(problem)), []);
});
