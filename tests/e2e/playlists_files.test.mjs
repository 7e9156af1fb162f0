// playlists_files.test.mjs -- playlists as files: out and in again, by the command line and by REST.

import assert from 'node:assert/strict';
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { after, before, test } from 'node:test';
import { commandId, demoMusic, program, run, startServer } from './support/server.mjs';

let server, tracks, made;

before(async () => {
  server = await startServer();
  await server.setUp();
  await server.scanned(12);
  ({ tracks: { nodes: tracks } } = await server.graphql(
    '{ tracks(first: 50) { nodes { id title artistLine durationMs album { title } file { path } } } }'));
  ({ createPlaylist: made } = await server.graphql(
    'mutation ($c: ID!, $t: [ID!]) { createPlaylist(commandId: $c, name: "Évening & <more>", trackIds: $t) { id } }',
    { c: commandId(), t: tracks.slice(0, 5).map(({ id }) => id) }));
});

after(() => server.stop());

const ok = (...args) => {
  const done = server.command(...args);
  assert.equal(done.status, 0, `${args.join(' ')}: ${done.stderr}`);
  return done.stdout;
};
const entriesOf = async (id) => (await server.graphql(
  'query ($id: ID!) { playlist(id: $id) { name entries(first: 100) { nodes { track { id } } } } }', { id })).playlist;
const idsOf = async (id) => (await entriesOf(id)).entries.nodes.map(({ track }) => track.id);
const wanted = () => tracks.slice(0, 5).map(({ id }) => id);
const file = (name) => path.join(server.folder, name);
const madeBy = (out) => /^(pl_\w+)/m.exec(out)[1];

for (const format of ['m3u', 'm3u8', 'xspf'])
  test(`what is exported as ${format} is imported as the same playlist`, async () => {
    ok('playlist', 'export', 'ana', format === 'm3u' ? 'Évening & <more>' : made.id, file(`list.${format}`));
    const text = readFileSync(file(`list.${format}`), 'utf8');
    assert.match(text, format === 'xspf' ? /<title>Évening &amp; &lt;more&gt;</ : /^#PLAYLIST:Évening & <more>$/m);
    if (format !== 'xspf') assert.ok(text.includes(`${path.join(demoMusic(), tracks[0].file.path)}\n`), text);
    const id = madeBy(ok('playlist', 'import', 'ana', file(`list.${format}`)));
    assert.equal((await entriesOf(id)).name, 'Évening & <more>');
    assert.deepEqual(await idsOf(id), wanted());
  });

test('by id, to standard output, with paths below the music folder; and by names alone', async () => {
  const text = ok('playlist', 'export', 'ana', made.id, '--relative', '--format', 'm3u');
  assert.ok(text.includes(`\n${tracks[0].file.path}\n`), text);
  writeFileSync(file('names.m3u'), text.replace(/^[^#].*$/gm, 'nowhere/else.mp3').replace(/^#EXTART.*\n/gm, ''));
  const id = madeBy(ok('playlist', 'import', 'ana', file('names.m3u'), '--name', 'by names'));
  assert.equal((await entriesOf(id)).name, 'by names');
  assert.deepEqual(await idsOf(id), wanted());
});

test('what is no track here is listed with the reason; paths are seen from the file', async () => {
  mkdirSync(file('deep'), { recursive: true });
  const relative = path.relative(file('deep'), path.join(demoMusic(), tracks[0].file.path));
  writeFileSync(file('deep/some.m3u'), Buffer.from(
    `#EXTINF:1,Nob\xf6dy - Nothing\r\nnothing.mp3\r\n${relative}\r\nhttp://radio.example/stream\r\n`, 'latin1'));
  const dry = ok('playlist', 'import', 'ana', file('deep/some.m3u'), '--dry-run');
  assert.match(dry, /^not matched: 1: Nobödy - Nothing \(nothing\.mp3\): there is no track/m);
  assert.match(dry, /^not matched: 3: \(http:\/\/radio\.example\/stream\): an address/m);
  assert.match(dry, /^1 of 3 entries would be taken$/m);
  const out = ok('playlist', 'import', 'ana', file('deep/some.m3u'));
  assert.match(out, /some: 1 of 3 entries/);
  assert.deepEqual(await idsOf(madeBy(out)), [tracks[0].id]);
});

test('what can\'t be done is refused with a sentence', () => {
  writeFileSync(file('bad.xspf'), '<!DOCTYPE playlist [<!ENTITY a "a">]><playlist><title>&a;</title></playlist>');
  writeFileSync(file('none.m3u'), 'nothing.mp3\n');
  const before = server.command('playlist', 'export', 'ana', 'by names').stdout;
  const cases = [
    [['playlist'], 2, /usage/],
    [['playlist', 'export', 'ana'], 2, /usage/],
    [['playlist', 'export', 'nobody', 'x'], 1, /no user 'nobody'/],
    [['playlist', 'export', 'ana', 'no such list'], 1, /no such playlist/],
    [['playlist', 'export', 'ana', 'by names', file('no/such/folder.m3u')], 1, /can't be written/],
    [['playlist', 'export', 'ana', 'Évening & <more>'], 1, /choose by id: \w+/],
    [['playlist', 'import', 'ana', file('missing.m3u')], 1, /can't be read/],
    [['playlist', 'import', 'ana', file('bad.xspf')], 1, /no such playlist/],
    [['playlist', 'import', 'ana', file('none.m3u')], 1, /none of its 1 entries/],
    [['playlist', 'import', 'ana', file('list.m3u'), '--name', ' '], 1, /no name/],
    [['playlist', 'import', 'ana', file('list.pls')], 2, /choose a format/],
  ];
  for (const [args, status, error] of cases) {
    const done = server.command(...args);
    assert.equal(done.status, status, `${args.join(' ')}: ${done.stdout}${done.stderr}`);
    assert.match(done.stderr, error, args.join(' '));
  }
  assert.equal(server.command('playlist', 'export', 'ana', 'by names').stdout, before);
});

/** As another user, by the command line's token. */
function stranger() {
  run(program, ['user', 'add', 'eve', '--data', server.data], { input: 'a good password\n' });
  return { Authorization: `Bearer ${ok('token', 'eve').trim()}` };
}

const post = (target, body, headers = {}) => fetch(server.origin + target, {
  method: 'POST', body, headers: { Origin: server.origin, Cookie: server.cookieHeader(), ...headers },
});

test('by REST: out and in again, for the owner only', async () => {
  const eve = stranger();
  for (const format of ['m3u8', 'xspf']) {
    const target = `/api/v1/playlists/${made.id}/export?format=${format}`;
    const response = await server.request('GET', target);
    assert.equal(response.status, 200);
    assert.match(response.headers.get('content-disposition'), /^attachment; filename\*=UTF-8''%C3%89vening/);
    const text = await response.text();
    assert.ok(!text.includes(demoMusic()), 'no path of the machine');

    const answer = await post('/api/v1/playlists/import?name=Again&commandId=again-' + format, text,
      { 'Content-Type': response.headers.get('content-type') });
    assert.equal(answer.status, 201);
    const { playlist, matched, unmatched } = await answer.json();
    assert.deepEqual([playlist.name, playlist.entryCount, matched, unmatched], ['Again', 5, 5, []]);
    assert.deepEqual(await idsOf(playlist.id), wanted());
    const repeated = await post(`/api/v1/playlists/import?name=Again&commandId=again-${format}&format=${format}`, text);
    assert.equal((await repeated.json()).playlist.id, playlist.id, 'a repeat makes no second one');

    assert.equal((await fetch(server.origin + target)).status, 401);
    assert.equal((await fetch(server.origin + target, { headers: eve })).status, 404, 'somebody else\'s');
  }
  const foreign = await post('/api/v1/playlists/import?format=m3u', 'x', { Origin: 'https://evil.example' });
  assert.equal(foreign.status, 403);
});

test('by REST: what is not matched is listed, and what is wrong refused', async () => {
  const { playlists: before } = await server.graphql('{ playlists { id } }');
  const mixed = `${tracks[1].file.path}\n#EXTINF:5,Nobody - Nothing\nnothing.mp3\n`;
  const dry = await post('/api/v1/playlists/import?format=m3u&dryRun=true', mixed);
  assert.equal(dry.status, 200);
  assert.deepEqual(await dry.json(), {
    playlist: null, matched: 1,
    unmatched: [{ index: 1, location: 'nothing.mp3', artist: '', title: 'Nobody - Nothing',
      reason: 'there is no track with this path or these names' }],
  });
  assert.equal((await (await post('/api/v1/playlists/import?format=m3u', 'nothing.mp3\n')).json()).playlist, null);
  const huge = Buffer.alloc(8 * 1024 * 1024 + 1, '\n');
  const cases = [
    ['/api/v1/playlists/import?format=pls', 'x', 415],
    ['/api/v1/playlists/import', 'x', 415],
    ['/api/v1/playlists/import?format=xspf', '<!DOCTYPE x><playlist/>', 400],
    ['/api/v1/playlists/import?format=m3u8', Buffer.from([0xff]), 400],
    ['/api/v1/playlists/import?format=m3u', 'a\n'.repeat(10001), 413],
    ['/api/v1/playlists/import?format=m3u', huge, 413],
    ['/api/v1/playlists/import?format=m3u&name=%01', mixed, 400],
  ];
  for (const [target, body, status] of cases)
    assert.equal((await post(target, body)).status, status, `${target} ${status}`);
  assert.equal((await server.request('GET', '/api/v1/playlists/pl_00/export')).status, 404);
  assert.equal((await server.request('GET', `/api/v1/playlists/${made.id}/export?format=pls`)).status, 415);
  assert.deepEqual((await server.graphql('{ playlists { id } }')).playlists, before);
});
