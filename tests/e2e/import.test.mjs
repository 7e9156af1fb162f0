// import.test.mjs -- a Navidrome database, made here with its tables, is imported into a running node.

import assert from 'node:assert/strict';
import { copyFileSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { after, before, test } from 'node:test';
import { demoMusic, program, run, startServer } from './support/server.mjs';

let server, tracks, database;

/** Runs a script of Python's sqlite3 on the database, with rows as JSON. */
function sql(file, statements) {
  run('python3', ['-c', `
import json, sqlite3, sys
db = sqlite3.connect(sys.argv[1])
for sql, *rows in json.load(sys.stdin):
    db.executemany(sql, rows) if rows else db.execute(sql)
db.commit()
`, file], { input: JSON.stringify(statements) });
}

// The columns that Navidrome 0.5x has in these tables, as far as a reader may meet them.
const schema = [
  ['create table goose_db_version (id integer primary key, version_id integer, is_applied integer)'],
  [`create table user (id varchar(255) primary key not null, user_name varchar(255) default '' not null unique,
    name varchar(255), email varchar(255), password varchar(255), is_admin bool default false, last_login_at datetime,
    created_at datetime, updated_at datetime)`],
  [`create table library (id integer primary key autoincrement, name text not null unique, path text not null unique,
    remote_path text default '', last_scan_at datetime not null default '0000-00-00 00:00:00')`],
  [`create table media_file (id varchar(255) primary key not null, path varchar(255) default '' not null,
    title varchar(255) default '' not null, album varchar(255) default '' not null, artist varchar(255) default '' not null,
    album_artist varchar(255) default '' not null, track_number integer default 0 not null,
    disc_number integer default 0 not null, duration real default 0 not null, library_id integer not null default 1,
    missing boolean default false not null)`],
  [`create table annotation (user_id varchar(255) not null, item_id varchar(255) default '' not null,
    item_type varchar(255) default '' not null, play_count integer default 0, play_date datetime,
    rating integer default 0, starred bool default false not null, starred_at datetime,
    unique (user_id, item_id, item_type))`],
  [`create table playlist (id varchar(255) primary key not null, name varchar(255) default '' not null,
    comment varchar(255) default '' not null, duration real default 0 not null, song_count integer default 0 not null,
    public bool default false not null, created_at datetime, updated_at datetime, path string default '' not null,
    sync bool default false not null, rules varchar, owner_id varchar(255) not null)`],
  [`create table playlist_tracks (id integer default 0 not null, playlist_id varchar(255) not null,
    media_file_id varchar(255) not null)`],
];

const note = (item, values, user = 'u1', type = 'media_file') =>
  [user, item, type, values.plays ?? 0, values.played ?? null, values.rating ?? 0, values.starred ? 1 : 0, values.starred ?? null];

before(async () => {
  server = await startServer();
  await server.setUp();
  await server.scanned(12);
  ({ tracks: { nodes: tracks } } = await server.graphql(
    '{ tracks(first: 50) { nodes { id title artistLine durationMs album { title } file { path } } } }'));
  database = path.join(server.folder, 'navidrome.db');
  const media = (index, where) => [`f${index}`, where, tracks[index].title, tracks[index].album.title,
    tracks[index].artistLine, tracks[index].durationMs / 1000];
  sql(database, [
    ...schema,
    ['insert into user (id, user_name) values (?, ?)', ['u1', 'anna'], ['u2', 'other']],
    ['insert into library (id, name, path) values (1, ?, ?)', ['Music Library', '/music']],
    ['insert into media_file (id, path, title, album, artist, duration) values (?, ?, ?, ?, ?, ?)',
      media(0, tracks[0].file.path), // as in our folder
      media(1, 'sorted/otherwise.flac'), // by its names
      media(2, path.join(demoMusic(), tracks[2].file.path)), // absolute, as before 0.55
      media(3, tracks[3].file.path), media(4, tracks[4].file.path),
      ['gone', 'x/y.mp3', 'Never Heard', 'Of It', 'Nobody', 100]],
    ['insert into annotation values (?, ?, ?, ?, ?, ?, ?, ?)',
      note('f0', { starred: '2024-03-01 10:00:00+00:00', plays: 7, played: '2024-05-01T12:00:00.5Z', rating: 5 }),
      note('f1', { starred: '2024-01-01 10:00:00', plays: 2, played: '2024-05-02 12:00:00.123456789+02:00' }),
      note('f2', { rating: 3 }),
      note('gone', { plays: 4 }), note('lost', { starred: '2024-01-01 10:00:00' }),
      note('al', { starred: '2024-01-01 10:00:00' }, 'u1', 'album'), note('ar', { rating: 2 }, 'u1', 'artist'),
      note('f3', { plays: 99 }, 'u2')],
    ['insert into playlist (id, name, owner_id, rules) values (?, ?, ?, ?)',
      ['p1', 'Road', 'u1', null], ['p2', 'Clever', 'u1', '{"all":[]}'], ['p3', 'Nothing', 'u1', ''],
      ['p4', 'Not mine', 'u2', null]],
    ['insert into playlist_tracks values (?, ?, ?)',
      [2, 'p1', 'f0'], [1, 'p1', 'f4'], [3, 'p1', 'gone'], [4, 'p1', 'f4'], [1, 'p2', 'f1'], [1, 'p3', 'gone'], [1, 'p4', 'f2']],
  ]);
});

after(() => server.stop());

const bring = (...more) => server.command('import', 'navidrome', database, '--user', 'anna=ana', ...more);
const state = () => server.graphql(`{
  playlists { name entries(first: 50) { nodes { track { id } } } }
  favourites(first: 50) { nodes { id } }
  tracks(first: 50) { nodes { id isFavourite rating playCount } } }`);

test('a dry run says all and changes nothing', async () => {
  const before = await state(), file = readFileSync(database);
  const done = bring('--dry-run');
  assert.equal(done.status, 0, done.stderr);
  assert.match(done.stdout, /^anna: 3 of 5 tracks matched: 2 favourites, 2 ratings, 9 plays$/m);
  assert.match(done.stdout, /^not matched: anna: Nobody - Never Heard \(x\/y\.mp3\): there is no track/m);
  assert.match(done.stdout, /^not matched: anna: lost: its own server has forgotten/m);
  assert.match(done.stdout, /^anna: playlist 'Road': 3 of 4 entries matched$/m);
  assert.match(done.stdout, /^anna: playlist 'Clever': .* \(a smart one/m);
  assert.match(done.stdout, /nothing of it is here/);
  assert.match(done.stdout, /1 albums and 1 artists/);
  assert.deepEqual(await state(), before);
  assert.deepEqual(readFileSync(database), file, 'the database is only read');
});

test('stars, ratings, plays and playlists come over; again they change nothing', async () => {
  const first = bring();
  assert.equal(first.status, 0, first.stderr);
  assert.match(first.stdout, /^ana: new here: 2 favourites, 2 ratings, 9 plays$/m);
  const after = await state();
  const facts = (index) => {
    const { isFavourite, rating, playCount } = after.tracks.nodes.find(({ id }) => id === tracks[index].id);
    return [isFavourite, rating, playCount];
  };
  assert.deepEqual(facts(0), [true, 5, 7]);
  assert.deepEqual(facts(1), [true, facts(3)[1], 2]);
  assert.deepEqual(facts(2), [false, 3, 0]);
  assert.equal(facts(3)[2], 0, 'what others played there is not ours');
  assert.deepEqual(after.favourites.nodes.map(({ id }) => id), [tracks[0].id, tracks[1].id], 'the newest star first');
  const lists = Object.fromEntries(after.playlists.map(({ name, entries }) => [name, entries.nodes.map(({ track }) => track.id)]));
  assert.deepEqual(lists, { Clever: [tracks[1].id], Road: [tracks[4].id, tracks[0].id, tracks[4].id] });

  for (const restart of [false, true]) {
    if (restart) {
      await server.kill();
      await server.start();
    }
    const again = bring();
    assert.equal(again.status, 0, again.stderr);
    assert.match(again.stdout, /new here: 0 favourites, 0 ratings, 0 plays/);
    assert.deepEqual(await state(), after);
  }
});

test('what was taken back stays so; what is new there comes over', async () => {
  const { playlists } = await server.graphql('{ playlists { id name } }');
  await server.graphql('mutation ($c: ID!, $id: ID!) { deletePlaylist(commandId: $c, id: $id) }',
    { c: 'delete-road', id: playlists.find(({ name }) => name === 'Road').id });
  await server.graphql('mutation ($c: ID!, $id: ID!) { setFavourite(commandId: $c, trackId: $id, isFavourite: false) { id } }',
    { c: 'no-star', id: tracks[0].id });
  sql(database, [['update annotation set play_count = 10 where item_id = \'f0\'']]);
  const done = bring();
  assert.equal(done.status, 0, done.stderr);
  assert.match(done.stdout, /new here: 0 favourites, 0 ratings, 3 plays/);
  assert.match(done.stdout, /imported before and deleted since/);
  const now = await state();
  assert.equal(now.tracks.nodes.find(({ id }) => id === tracks[0].id).isFavourite, false);
  assert.deepEqual(now.playlists.map(({ name }) => name), ['Clever']);
});

test('what is no such database, or can\'t be read whole, is refused with a sentence', () => {
  const other = path.join(server.folder, 'other.db'), half = path.join(server.folder, 'half.db');
  sql(other, [['create table user (id, user_name)']]);
  writeFileSync(path.join(server.folder, 'text.db'), 'not a database at all'.repeat(100));
  copyFileSync(database, half);
  writeFileSync(`${half}-wal`, 'x');
  const cases = [
    [[], 2, /usage/],
    [['navidrome', database], 2, /usage/],
    [['navidrome', database, '--user', 'anna'], 2, /usage/],
    [['navidrome', database, '--user', 'eve=ana'], 1, /no user 'eve', only: anna other/],
    [['navidrome', database, '--user', 'anna=eve'], 1, /no user 'eve' here/],
    [['navidrome', '/nonexistent.db', '--user', 'a=b'], 1, /can't be read/],
    [['navidrome', server.folder, '--user', 'a=b'], 1, /no file/],
    [['navidrome', path.join(server.folder, 'text.db'), '--user', 'a=b'], 1, /no SQLite database/],
    [['navidrome', other, '--user', 'a=b'], 1, /no Navidrome database.*media_file\.id/],
    [['navidrome', half, '--user', 'a=b'], 1, /-wal file/],
  ];
  for (const [args, status, error] of cases) {
    const done = server.command('import', ...args);
    assert.equal(done.status, status, `${args.join(' ')}: ${done.stdout}${done.stderr}`);
    assert.match(done.stderr, error, args.join(' '));
  }
});

test('a database with its bytes turned over ends with a sentence, never with a signal', () => {
  const bytes = readFileSync(database), broken = path.join(server.folder, 'broken.db');
  for (let round = 0; round < 40; round++) {
    const copy = Buffer.from(bytes);
    for (let i = 0; i < 200; i++) copy[(round * 7919 + i * 104729) % copy.length] ^= 1 + ((round * 31 + i * 17) % 255);
    copy.write('SQLite format 3\0', 0, 'latin1');
    writeFileSync(broken, copy);
    const done = run(program, ['import', 'navidrome', broken, '--user', 'anna=ana', '--dry-run', '--data', server.data], { mayFail: true });
    assert.equal(done.signal, null, `round ${round}`);
    assert.ok([0, 1].includes(done.status), `round ${round}: ${done.status} ${done.stderr}`);
  }
  rmSync(broken);
  assert.ok(statSync(database).size > 0);
});
