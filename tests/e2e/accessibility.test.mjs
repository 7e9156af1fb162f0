// accessibility.test.mjs -- axe-core finds nothing against WCAG 2.2 AA on any page, light and dark, wide and narrow.

import { AxeBuilder } from '@axe-core/playwright';
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { id, openPage, signIn, startBrowser, untilPlayer } from './support/browser.mjs';
import { commandId, startServer } from './support/server.mjs';

const TAGS = ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa'];
let server, browser;

before(async () => {
  server = await startServer();
  browser = await startBrowser();
});

after(async () => {
  await browser?.close();
  await server?.stop();
});

async function check(page, where) {
  // A page that is still fading in has colours that nobody reads.
  await page.evaluate(() => Promise.all(document.getAnimations().map((animation) => animation.finished.catch(() => {}))));
  const { violations } = await new AxeBuilder({ page }).withTags(TAGS).analyze();
  const found = violations.map((violation) => `${violation.id}: ${violation.nodes.map((node) => node.target.join(' ')).join(', ')}`);
  assert.deepEqual(found, [], where);
}

test('the first page, before anybody has signed in', async () => {
  const page = await openPage(browser, server.setupLink);
  await id(page, 'name').waitFor();
  await check(page, 'setup');
  await page.context().close();
});

for (const [what, options] of [
  ['light', { colorScheme: 'light', reducedMotion: 'reduce' }],
  ['dark', { colorScheme: 'dark', reducedMotion: 'reduce' }],
  ['narrow', { viewport: { width: 390, height: 844 }, reducedMotion: 'reduce' }],
]) {
  test(`every page, ${what}`, async () => {
    if (server.cookies.size === 0) {
      await server.setUp();
      await server.scanned(12);
    }
    await server.graphql('mutation ($c: ID!) { clearQueue(commandId: $c) { version } }', { c: commandId() });
    const { albums } = await server.graphql('{ albums(first: 1) { nodes { id } } }');
    const page = await openPage(browser, null, options);
    await signIn(page, server.origin);
    for (const place of ['/', '/albums', '/artists', '/genres', '/search', '/favourites', '/playlists', '/library', '/settings']) {
      await page.goto(server.origin + place);
      await page.locator('main h1, main [role=search], main input').first().waitFor();
      await check(page, place);
    }
    await page.goto(`${server.origin}/album/${albums.nodes[0].id}`);
    await id(page, 'play-album').click();
    await untilPlayer(page, (player) => player.isPlaying, 'it plays');
    await check(page, 'album');
    await id(page, 'open-now-playing').click();
    await id(page, 'now-playing-view').waitFor();
    await check(page, 'now playing');
    await id(page, 'lyrics-toggle').click();
    await id(page, 'lyrics-view').waitFor();
    await check(page, 'lyrics');
    assert.deepEqual(page.problems, []);
    await page.context().close();
  });
}
