// settings.test.mjs -- settings that follow the listener, what administrators choose for everybody, and what becomes of both.

import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import path from 'node:path';
import { after, before, test } from 'node:test';
import { id as shown, openPage, signIn as signInPage, startBrowser } from './support/browser.mjs';
import { commandId, program, run, Server, startServer } from './support/server.mjs';

let server, listener;

/** Another browser: bob, a listener. */
async function signIn(name, password) {
  const other = Object.assign(Object.create(Server.prototype), { origin: server.origin, cookies: new Map() });
  const response = await other.request('POST', '/api/v1/session', { name, password, deviceName: 'phone' });
  assert.ok(response.ok, `${response.status} ${await response.text()}`);
  return other;
}

before(async () => {
  server = await startServer();
  await server.setUp();
  await server.scanned(12);
  run(program, ['user', 'add', 'bob', '--data', server.data], { input: 'correct horse battery\n' });
  listener = await signIn('bob', 'correct horse battery');
});

after(() => server.stop());

const SETTINGS = '{ theme quality isGapless isNormalised }';
const settings = async (who = server) => (await who.graphql(`{ settings ${SETTINGS} }`)).settings;
const set = (args, who = server, id = commandId()) =>
  who.graphql(`mutation ($id: ID!) { setSettings(commandId: $id, ${args}) ${SETTINGS} }`, { id });
const ofServer = async (who = server) => (await who.graphql('{ server { notice features { name isOn } } }')).server;
const feature = (name, isOn, who = server) => who.graphql(
  'mutation ($id: ID!, $name: String!, $isOn: Boolean!) { setFeature(commandId: $id, name: $name, isOn: $isOn) { features { name isOn } } }',
  { id: commandId(), name, isOn });
const notice = (text, who = server) =>
  who.graphql('mutation ($id: ID!, $text: String!) { setNotice(commandId: $id, text: $text) { notice } }', { id: commandId(), text });

test('settings are each listener\'s own, and there after a kill', async () => {
  assert.deepEqual(await settings(), { theme: 'SYSTEM', quality: 'AUTO', isGapless: true, isNormalised: true });
  const { setSettings } = await set('theme: DARK, isGapless: false');
  assert.deepEqual(setSettings, { theme: 'DARK', quality: 'AUTO', isGapless: false, isNormalised: true });
  await set('quality: SAVER, theme: null');
  const wanted = { theme: 'DARK', quality: 'SAVER', isGapless: false, isNormalised: true };
  assert.deepEqual(await settings(), wanted);
  assert.deepEqual(await settings(listener), { theme: 'SYSTEM', quality: 'AUTO', isGapless: true, isNormalised: true });
  await server.kill();
  await server.start();
  assert.deepEqual(await settings(), wanted);
});

test('what is chosen on one page is so on the other, at once and after a visit', async () => {
  const browser = await startBrowser();
  try {
    const pages = await Promise.all([0, 1].map(() => openPage(browser, null)));
    for (const page of pages) await signInPage(page, server.origin);
    const [here, there] = pages;
    const themed = (page, theme) => page.waitForFunction((it) => document.documentElement.dataset.theme === it, theme);
    await themed(here, 'dark'); // as the test before left it
    await here.goto(`${server.origin}/settings`);
    await here.getByRole('radio', { name: 'Light' }).click();
    await Promise.all(pages.map((page) => themed(page, 'light')));
    assert.equal((await settings()).theme, 'LIGHT');
    await here.getByRole('switch', { name: 'Gapless playback' }).click();
    await there.goto(`${server.origin}/settings`);
    await there.getByRole('switch', { name: 'Gapless playback', checked: true }).waitFor();
    await shown(here, 'notice-text').fill('Hello, everybody');
    await shown(here, 'notice-save').click();
    await shown(there, 'server-notice').getByText('Hello, everybody').waitFor();
    await shown(here, 'notice-text').fill('');
    await shown(here, 'notice-save').click();
    await shown(there, 'server-notice').waitFor({ state: 'detached' });
    for (const page of pages) assert.deepEqual(page.problems, []);
  } finally {
    await browser.close();
  }
});

test('the same command again gives the first answer', async () => {
  const id = commandId();
  await set('theme: DARK', server, id);
  await set('theme: LIGHT');
  assert.equal((await set('theme: DARK', server, id)).setSettings.theme, 'DARK');
  assert.equal((await settings()).theme, 'LIGHT');
});

test('what administrators choose is everybody\'s; listeners can\'t', async () => {
  listener = await signIn('bob', 'correct horse battery');
  assert.deepEqual(await ofServer(listener), { notice: '', features: [{ name: 'listening_now', isOn: true }, { name: 'playlist_files', isOn: true }] });
  await notice('Moving house on Sunday');
  await feature('playlist_files', false);
  await assert.rejects(notice('mine', listener), /administrator/);
  await assert.rejects(feature('listening_now', false, listener), /administrator/);
  await assert.rejects(feature('magic', false), ({ answer }) => answer.errors[0].extensions.code === 'NOT_FOUND');
  await assert.rejects(notice('x'.repeat(501)), ({ answer }) => answer.errors[0].extensions.code === 'INVALID');
  await server.kill();
  await server.start();
  listener = await signIn('bob', 'correct horse battery');
  assert.deepEqual(await ofServer(listener),
    { notice: 'Moving house on Sunday', features: [{ name: 'listening_now', isOn: true }, { name: 'playlist_files', isOn: false }] });
});

test('a feature that is off is refused, and back when it is on', async () => {
  const { createPlaylist: { id } } = await server.graphql('mutation ($c: ID!) { createPlaylist(commandId: $c, name: "x") { id } }', { c: commandId() });
  const exported = async () => (await server.request('GET', `/api/v1/playlists/${id}/export`)).status;
  const imported = async () => (await server.request('POST', '/api/v1/playlists/import?format=m3u8&dryRun=true', 'x')).status;
  assert.deepEqual([await exported(), await imported()], [403, 403]);
  await feature('playlist_files', true);
  assert.deepEqual([await exported(), await imported()], [200, 200]);
});

test('an export has the settings; an erasure takes them', async () => {
  await set('theme: DARK', listener);
  const folder = path.join(server.folder, 'export');
  assert.equal(server.command('user', 'export', 'bob', folder).status, 0);
  const events = readFileSync(path.join(folder, 'events.jsonl'), 'utf8').trim().split('\n').map((line) => JSON.parse(line));
  const chosen = events.filter(({ event }) => event === 'user_setting_set').map(({ data }) => data);
  assert.deepEqual(chosen, [{ name: 'theme', value: 'dark' }]);
  assert.equal(server.command('user', 'erase', 'bob', '--yes').status, 0);
  assert.equal((await settings()).theme, 'LIGHT', 'another\'s stay');
});
