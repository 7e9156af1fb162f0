// shots.mjs FOLDER -- pictures of the player, to look at: light, dark, narrow, right-to-left. Not a test.
import path from 'node:path';
import { id, openPage, signIn, startBrowser, untilPlayer } from './support/browser.mjs';
import { commandId, startServer } from './support/server.mjs';

const folder = process.argv[2] ?? '.';
const server = await startServer();
await server.setUp();
await server.scanned(12);
const browser = await startBrowser();

async function shoot(name, options, more = async () => {}) {
  const page = await openPage(browser, null, options);
  await signIn(page, server.origin);
  await more(page);
  await page.screenshot({ path: path.join(folder, `home-${name}.png`) });
  await id(page, 'album').first().getByRole('link').first().click();
  await id(page, 'play-album').click();
  await untilPlayer(page, (player) => player.isPlaying && player.currentTime > 4, 'it plays');
  await page.screenshot({ path: path.join(folder, `album-${name}.png`) });
  if (await id(page, 'queue').count()) {
    await id(page, 'queue').click();
    await id(page, 'queue-drawer').waitFor();
    await page.screenshot({ path: path.join(folder, `queue-${name}.png`), animations: 'disabled' });
    await id(page, 'queue').click();
  }
  await id(page, 'open-now-playing').click();
  await id(page, 'now-playing-view').waitFor();
  await id(page, 'lyrics-toggle').click();
  await id(page, 'lyrics-view').waitFor();
  await untilPlayer(page, (player) => player.currentTime > 8, 'it goes on');
  await page.screenshot({ path: path.join(folder, `lyrics-${name}.png`), animations: 'disabled' });
  await page.context().close();
  await server.graphql('mutation ($c: ID!) { clearQueue(commandId: $c) { version } }', { c: commandId() });
}

await shoot('light', { colorScheme: 'light' });
await shoot('dark', { colorScheme: 'dark' });
await shoot('narrow', { viewport: { width: 390, height: 844 }, hasTouch: true, isMobile: true });
await shoot('rtl', {}, (page) => page.evaluate(() => (document.documentElement.dir = 'rtl')));
await browser.close();
await server.stop();
