// search_graphql.test.mjs -- search over GraphQL on a real node: what each group finds, pages, filters, recent searches; rights, restarts and erasure.

import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { commandId, program, run, startServer, until } from './support/server.mjs';

let server, ana, bob;

/** Somebody with an access token of their own. */
class Person {
  constructor(name, password) {
    this.account = { name, password };
  }

  async signIn() {
    const response = await fetch(`${server.origin}/api/v1/session`, {
      method: 'POST', headers: { 'Content-Type': 'application/json' },
      body: JSON.stringify({ ...this.account, cookies: false }),
    });
    assert.equal(response.status, 201);
    this.token = (await response.json()).accessToken;
    return this;
  }

  async ask(query, variables) {
    const response = await fetch(`${server.origin}/graphql`, {
      method: 'POST', headers: { Authorization: `Bearer ${this.token}`, 'Content-Type': 'application/json' },
      body: JSON.stringify({ query, variables }),
    });
    return response.json();
  }

  async data(query, variables) {
    const { data, errors } = await this.ask(query, variables);
    assert.equal(errors, undefined, JSON.stringify(errors));
    return data;
  }

  async code(query, variables) {
    return (await this.ask(query, variables)).errors?.[0].extensions?.code;
  }

  /** What is found, and how much of it is said to be there. */
  async found(query) {
    const { search } = await this.data(`query ($query: String!) { search(query: $query) {
      playlists { totalCount nodes { name owner { name } } } people { totalCount nodes { name } }
      top { node { __typename ... on Playlist { name } ... on User { name } } } totalCount } }`, { query });
    return {
      playlists: search.playlists.nodes.map(({ name }) => name), playlistCount: search.playlists.totalCount,
      people: search.people.nodes.map(({ name }) => name), peopleCount: search.people.totalCount,
      top: search.top.map(({ node }) => node.name), count: search.totalCount,
    };
  }

  async create(name) {
    const { createPlaylist } = await this.data(
      'mutation ($c: ID!, $n: String!) { createPlaylist(commandId: $c, name: $n) { id } }', { c: commandId(), n: name });
    return createPlaylist.id;
  }

  rename(id, name) {
    return this.data('mutation ($c: ID!, $id: ID!, $n: String!) { renamePlaylist(commandId: $c, id: $id, name: $n) { id } }',
      { c: commandId(), id, n: name });
  }

  remove(id) {
    return this.data('mutation ($c: ID!, $id: ID!) { deletePlaylist(commandId: $c, id: $id) }', { c: commandId(), id });
  }

  show(id, isPublic) {
    return this.data('mutation ($c: ID!, $id: ID!, $p: Boolean!) { setPlaylistPublic(commandId: $c, id: $id, isPublic: $p) { id } }',
      { c: commandId(), id, p: isPublic });
  }
}

/** What is changed over GraphQL is found so once it is answered. */
async function isTrue(what, person, query, wanted) {
  const found = await person.found(query);
  for (const [key, value] of Object.entries(wanted))
    assert.deepEqual(found[key], value, `${what}: ${key}`);
}

/** What others change follows the journal: soon, not at once. */
const comesTrue = (what, person, query, wanted) => until(async () => {
  const found = await person.found(query);
  return Object.entries(wanted).every(([key, value]) => JSON.stringify(found[key]) === JSON.stringify(value));
}, `${what}: ${JSON.stringify(wanted)}`);

before(async () => {
  server = await startServer();
  await server.setUp();
  await server.scanned(12);
  for (const name of ['bob', 'zebulon'])
    run(program, ['user', 'add', name, '--data', server.data], { input: `${name} has a password\n` });
  ana = await new Person('ana', 'correct horse battery').signIn();
  bob = await new Person('bob', 'bob has a password').signIn();
});

after(async () => {
  const ended = await server.stop();
  assert.equal(ended.code, 0, server.log);
});

test('people are found by name, misspelt too, and shown as everybody is', async () => {
  await comesTrue('as it is written', ana, 'zebulon', { people: ['zebulon'], peopleCount: 1 });
  assert.deepEqual((await bob.found('zebuolon')).people, ['zebulon']);
  assert.deepEqual((await bob.found('zebulon')).top, ['zebulon']);
  assert.equal(await bob.code('{ search(query: "zebulon") { people { nodes { id name } edges { score } } } }'), undefined);
});

test('playlists are their owner\'s to find, and everybody\'s while they are public', async () => {
  const none = { playlists: [], playlistCount: 0, top: [], count: 0 };
  const mine = { playlists: ['Quodlibet at dawn'], playlistCount: 1, top: ['Quodlibet at dawn'], count: 1 };
  const id = await ana.create('Quodlibet at dawn');
  await isTrue('its owner', ana, 'quodlibet', mine);
  assert.deepEqual(await bob.found('quodlibet'), { ...none, people: [], peopleCount: 0 });
  await ana.show(id, true);
  await isTrue('another, once it is public', bob, 'quodlibet', mine);
  await isTrue('and misspelt', bob, 'quodlibett dwan', mine);
  await isTrue('and run together', bob, 'quodlibetatdawn', mine);
  await isTrue('and with a word too many', bob, 'quodlibet dawn chorus', mine);
  await ana.show(id, false);
  await isTrue('not once it is taken back', bob, 'quodlibet', none);
  await isTrue('but its owner', ana, 'quodlibet', mine);
  await ana.rename(id, 'Mitternacht');
  await isTrue('its old name', ana, 'quodlibet', none);
  await isTrue('its new one', ana, 'mitternacht', { playlists: ['Mitternacht'] });
  await ana.remove(id);
  await isTrue('deleted', ana, 'mitternacht', none);
});

test('whoever has the answer to a change finds it so, each time, and so does everybody else', async () => {
  for (let i = 0; i < 12; i++) {
    const id = await ana.create(`Rallentando ${i}`);
    await isTrue('made', ana, 'rallentando', { playlists: [`Rallentando ${i}`], playlistCount: 1 });
    await ana.show(id, true);
    await isTrue('published', bob, 'rallentando', { playlistCount: 1 });
    await ana.rename(id, `Accelerando ${i}`);
    await isTrue('renamed', bob, 'rallentando', { playlistCount: 0 });
    await isTrue('renamed', bob, 'accelerando', { playlists: [`Accelerando ${i}`] });
    await ana.show(id, false);
    await isTrue('taken back', bob, 'accelerando', { playlistCount: 0, count: 0, top: [] });
    await ana.remove(id);
    await isTrue('deleted', ana, 'accelerando', { playlistCount: 0 });
  }
});

test('of what one may not see nothing is said: no count, no correction, no mark, no reason', async () => {
  const id = await bob.create('Zugzwangverein'), open = await bob.create('Harbour Museum');
  await bob.show(open, true);
  const all = (query, typing) => `{ search(query: "${query}", typing: ${typing}, explain: true) { totalCount didYouMean explanation top { score }
    playlists { totalCount edges { explanation highlights { title { text } } } } people { totalCount } tracks { totalCount } albums { totalCount } artists { totalCount }
    lyrics { totalCount } facets { genres { value count } languages { value count } } } }`;
  for (const [query, typing] of [['zugzwangverein', false], ['zugzwangvrein', false], ['zugzwangver', true], ['zugzwang verein', false], ['zugzwangv', true]]) {
    const { search } = await ana.data(all(query, typing));
    assert.doesNotMatch(search.explanation, /[1-9]\d* (documents|found)|near/, query);
    const said = JSON.stringify({ ...search, explanation: null }).toLowerCase();
    assert.ok(!said.includes('zugzwang'), `${query}: ${said}`);
    assert.deepEqual([search.totalCount, search.playlists.totalCount, search.didYouMean, search.top], [0, 0, null, []], query);
    const { search: own } = await bob.data(all(query, typing));
    assert.equal(own.playlists.totalCount, 1, query);
  }
  await bob.show(open, false);
  await isTrue('taken back', ana, 'museum', { playlistCount: 0, top: [] });
  await bob.remove(id);
  await bob.remove(open);
});

test('names are there again after a kill, with nothing of them on the disk', async () => {
  const id = await bob.create('Zwischenspiel');
  await bob.show(id, true);
  await isTrue('before', ana, 'zwischenspiel', { playlists: ['Zwischenspiel'] });
  const inClear = () => run('grep', ['-rlai', 'zwischenspiel', server.data], { mayFail: true }).stdout;
  assert.equal(inClear(), '');
  await server.kill();
  await server.start();
  await comesTrue('after', ana, 'zwischenspiel', { playlists: ['Zwischenspiel'] });
  await comesTrue('people, too', ana, 'zebulon', { people: ['zebulon'] });
  const figures = await (await fetch(`${server.origin}/metrics`)).text();
  for (const [name, value] of [['people', 3], ['playlists', 1], ['left_out', 0], ['is_whole', 1]])
    assert.match(figures, new RegExp(`^musicstream_names_${name} ${value}$`, 'm'));
});

test('who is erased is found no more, nor a playlist of theirs', async () => {
  const eve = await new Person('zebulon', 'zebulon has a password').signIn();
  await eve.show(await eve.create('Capriccio'), true);
  await isTrue('before', ana, 'capriccio', { playlists: ['Capriccio'], playlistCount: 1 });
  run(program, ['user', 'erase', 'zebulon', '--yes', '--data', server.data]);
  await comesTrue('the playlist', ana, 'capriccio', { playlists: [], playlistCount: 0, count: 0 });
  await comesTrue('the person', ana, 'zebulon', { people: [], peopleCount: 0, count: 0 });
  await server.kill();
  await server.start();
  await comesTrue('after a restart', ana, 'zwischenspiel', { playlists: ['Zwischenspiel'] });
  assert.equal((await ana.found('capriccio')).count, 0);
  assert.equal((await ana.found('zebulon')).count, 0);
});

test('tracks, albums and artists come in pages, and the best of all groups together', async () => {
  const { search } = await ana.data(`{ search(query: "harbour") {
    tracks(first: 1) { totalCount pageInfo { hasNextPage endCursor } edges { score node { title } highlights { title { text isMatch } artist { text } album { text } } } }
    albums { nodes { title } } top(first: 2) { score node { __typename } highlights { title { text } } } status isPartial totalCount didYouMean } }`);
  assert.equal(search.status, 'READY');
  assert.equal(search.isPartial, false);
  assert.equal(search.didYouMean, null);
  assert.deepEqual(search.albums.nodes.map(({ title }) => title), ['Harbour Lights']);
  const [edge] = search.tracks.edges;
  assert.equal(edge.highlights.title.map(({ text }) => text).join(''), edge.node.title);
  assert.ok(edge.highlights.artist.length > 0 && edge.highlights.album.length > 0);
  assert.ok(search.tracks.totalCount > 1 && search.tracks.pageInfo.hasNextPage);
  assert.equal(search.top.length, 2);
  assert.ok(search.top[0].score >= search.top[1].score);

  const seen = [edge.node.title];
  for (let after = search.tracks.pageInfo.endCursor; ;) {
    const { search: { tracks } } = await ana.data(`query ($after: String) { search(query: "harbour") {
      tracks(first: 1, after: $after) { nodes { title } pageInfo { hasNextPage hasPreviousPage endCursor } } } }`, { after });
    seen.push(...tracks.nodes.map(({ title }) => title));
    assert.ok(tracks.pageInfo.hasPreviousPage);
    if (!tracks.pageInfo.hasNextPage) break;
    after = tracks.pageInfo.endCursor;
  }
  assert.equal(seen.length, search.tracks.totalCount);
  assert.equal(new Set(seen).size, seen.length);
});

/** One search, by the text of its arguments. */
const search = async (args, selection, person = ana) => (await person.data(`{ search(${args}) { ${selection} } }`)).search;
const titles = (page) => page.nodes.map(({ title }) => title);
const marked = (segments) => segments.map(({ text, isMatch }) => (isMatch ? `[${text}]` : text)).join('');

test('a misspelt title is found, the correction said, what fits marked, and why it is there explained', async () => {
  const found = await search('query: "harbor lihgts", explain: true', `didYouMean explanation
    tracks(first: 2) { edges { node { title } explanation highlights { title { text isMatch } artist { text isMatch } album { text isMatch } } } }`);
  assert.equal(found.didYouMean, 'harbour lights');
  assert.match(found.explanation, /near harbour/);
  const [first] = found.tracks.edges;
  assert.equal(first.node.title, 'Harbour Lights');
  assert.equal(marked(first.highlights.title), '[Harbour] [Lights]');
  assert.equal(marked(first.highlights.artist), 'Mira Solane');
  assert.match(first.explanation, /misspelt/);
  const exact = await search('query: "harbor lihgts", exact: true', 'didYouMean explanation tracks { totalCount edges { explanation } }');
  assert.deepEqual(exact, { didYouMean: null, explanation: null, tracks: { totalCount: 0, edges: [] } });
});

test('each letter narrows what is found, and only what was typed is marked', async () => {
  for (const [typed, wanted] of [['h', '[H]arbour Lights'], ['harb', '[Harb]our Lights'], ['harbour li', '[Harbour] [Li]ghts']]) {
    const { albums } = await search(`query: "${typed}", typing: true`, 'albums { edges { highlights { title { text isMatch } } } }');
    assert.ok(albums.edges.some(({ highlights }) => marked(highlights.title) === wanted), typed);
  }
  assert.equal((await search('query: "harb"', 'albums { totalCount }')).albums.totalCount, 0);
  const id = await ana.create('Mitternacht im Regen');
  await isTrue('the playlist', ana, 'mitternacht', { playlistCount: 1 });
  const { playlists } = await search('query: "regen mitt", typing: true', 'playlists { edges { cursor score highlights { title { text isMatch } artist { text } } node { id name } } }');
  assert.deepEqual(playlists.edges.map(({ node, highlights }) => [node.id, marked(highlights.title), highlights.artist]),
    [[id, '[Mitt]ernacht im [Regen]', []]]);
});

test('filters combine, and facets say how many there are', async () => {
  const all = await search('query: ""', `tracks(first: 500) { totalCount nodes { title } }
    facets { genres { value count } moods { value } decades { value count } languages { value } formats { value count } }`);
  assert.equal(all.tracks.totalCount, 12);
  const of = (facet, value) => all.facets[facet].find((one) => one.value === value)?.count;
  assert.deepEqual([of('genres', 'Ambient'), of('genres', 'Jazz'), of('decades', '2020'), of('formats', 'flac')], [4, 1, 8, 3]);
  for (const [filter, count] of [['genres: ["Ambient"]', 4], ['genres: ["Ambient", "Jazz"]', 5], ['genres: ["Ambient"], formats: ["flac"]', 2],
    ['yearFrom: 2020, yearTo: 2029', 8], ['yearTo: 2019', 4], ['moods: ["Calm"]', 3], ['genres: ["Polka"]', 0], ['popularityMin: 101', 'INVALID'],
    ['yearFrom: 2030, yearTo: 2020', 'INVALID'], ['yearFrom: -1', 'INVALID'], ['addedSince: "yesterday"', 'INVALID'], ['addedSince: "2020-01-01T00:00:00Z"', 12],
    ['addedSince: "2100-01-01T00:00:00.000Z"', 0], [`genres: ${JSON.stringify(Array(32).fill('Jazz'))}`, 1], [`genres: ${JSON.stringify(Array(33).fill('Jazz'))}`, 'LIMIT']]) {
    const query = `{ search(query: "", filter: { ${filter} }) { tracks { totalCount } playlists { totalCount } people { totalCount } } }`;
    if (typeof count === 'string') {
      assert.equal(await ana.code(query), count, filter);
    } else {
      const { tracks, playlists, people } = (await ana.data(query)).search;
      assert.deepEqual([tracks.totalCount, playlists.totalCount, people.totalCount], [count, 0, 0], filter);
    }
  }
  const named = await search('query: "bob", filter: { genres: ["Jazz"] }', 'people { totalCount } totalCount');
  assert.deepEqual(named, { people: { totalCount: 0 }, totalCount: 0 });
});

test('favouritesOnly finds among the caller\'s favourites, and nothing else', async () => {
  const { tracks } = await search('query: "low tide"', 'tracks(first: 1) { nodes { id title } }');
  const among = 'query: "", filter: { favouritesOnly: true }', page = 'tracks { totalCount nodes { title } } albums { totalCount } artists { totalCount }';
  assert.equal((await search(among, page)).tracks.totalCount, 0);
  await ana.data('mutation ($c: ID!, $id: ID!) { setFavourite(commandId: $c, trackId: $id, isFavourite: true) { id } }',
    { c: commandId(), id: tracks.nodes[0].id });
  const mine = await search(among, page);
  assert.deepEqual([titles(mine.tracks), mine.tracks.totalCount, mine.albums.totalCount, mine.artists.totalCount], [['Low Tide'], 1, 0, 0]);
  assert.equal((await search(among, page, bob)).tracks.totalCount, 0);
  for (let i = 0; i < 10; i++) {
    await ana.data('mutation ($c: ID!, $id: ID!, $on: Boolean!) { setFavourite(commandId: $c, trackId: $id, isFavourite: $on) { id } }',
      { c: commandId(), id: tracks.nodes[0].id, on: i % 2 === 1 });
    assert.equal((await search(among, page)).tracks.totalCount, i % 2, 'as it was said last');
  }
  assert.equal((await search('query: "harbour lights", filter: { favouritesOnly: true, formats: ["flac"] }', page)).tracks.totalCount, 0);
});

test('words that are sung find the track and the line', async () => {
  const { lyrics, tracks } = await search('query: "moonlight on the copper"', `tracks { totalCount }
    lyrics { totalCount edges { node { title } line { text atMs segments { text isMatch } } highlights { title { text } } } }`);
  const [edge] = lyrics.edges;
  assert.equal(edge.node.title, 'Copper Kettle');
  assert.equal(edge.line.text, 'Moonlight on the copper rings');
  assert.equal(edge.line.atMs, 8690);
  assert.equal(marked(edge.line.segments), '[Moonlight] [on] [the] [copper] rings');
  assert.equal(tracks.totalCount >= 0, true);
  assert.equal((await search('query: "moonlight polka"', 'lyrics { nodes { title } }')).lyrics.nodes.length <= 1, true);
});

test('without words everything comes, in the same order each time, page by page', async () => {
  const whole = titles((await search('query: ""', 'tracks(first: 500) { nodes { title } }')).tracks);
  const paged = [];
  for (let after = null; ;) {
    const { search: { tracks } } = await ana.data(`query ($after: String) { search(query: "") {
      tracks(first: 5, after: $after) { nodes { title } pageInfo { hasNextPage endCursor } } } }`, { after });
    paged.push(...titles(tracks));
    if (!tracks.pageInfo.hasNextPage) break;
    after = tracks.pageInfo.endCursor;
  }
  assert.equal(whole.length, 12);
  assert.deepEqual(paged, whole);
});

test('a request may search twice, and no field more than it can pay', async () => {
  const times = (n) => `{ ${Array.from({ length: n }, (_, i) => `s${i}: search(query: "tide") { isPartial }`).join(' ')} }`;
  assert.equal(await ana.code(times(2)), undefined);
  const { data, errors } = await ana.ask(times(3));
  assert.equal(errors?.[0].extensions.code, 'LIMIT');
  assert.equal(data, null);
  const twice = await search('query: "harbour"', 'a: tracks(first: 1) { nodes { title } } b: tracks(first: 2, after: "1") { nodes { title } } c: tracks(first: 3) { nodes { title } }');
  assert.deepEqual([...titles(twice.a), ...titles(twice.b)], titles(twice.c));
});

test('a page has its bounds, by group', async () => {
  for (const [group, most] of [['tracks', 500], ['albums', 500], ['artists', 500], ['lyrics', 500], ['playlists', 50], ['people', 50]]) {
    for (const [first, code] of [[0, 'INVALID'], [most + 1, 'INVALID'], [-1, 'INVALID'], [1, undefined], [most, undefined]])
      assert.equal(await ana.code(`{ search(query: "a") { ${group}(first: ${first}) { totalCount } } }`), code, `${group} ${first}`);
    for (const after of ['not a cursor!', '-1', '999999999999999999999'])
      assert.equal(await ana.code(`{ search(query: "a") { ${group}(after: "${after}") { totalCount } } }`), 'INVALID', group);
  }
  for (const [first, code] of [[0, 'INVALID'], [21, 'INVALID'], [1, undefined], [20, undefined]])
    assert.equal(await ana.code(`{ search(query: "a") { top(first: ${first}) { score } } }`), code, `top ${first}`);
});

test('of more playlists than can be had, the pages end where no more can', async () => {
  await Promise.all(Array.from({ length: 52 }, (_, i) => bob.create(`Pagination ${i}`)));
  await isTrue('all are there', bob, 'pagination', { playlistCount: 52 });
  const seen = [];
  for (const [first, after, count, hasNextPage] of [[50, null, 50, false], [30, null, 30, true], [30, '30', 20, false], [1, '50', 0, false]]) {
    const { search: { playlists } } = await bob.data(`query ($first: Int!, $after: String) { search(query: "pagination") {
      playlists(first: $first, after: $after) { totalCount nodes { name } pageInfo { hasNextPage } } } }`, { first, after });
    assert.deepEqual([playlists.nodes.length, playlists.totalCount, playlists.pageInfo.hasNextPage], [count, 52, hasNextPage], `${first} after ${after}`);
    seen.push(playlists.nodes.map(({ name }) => name));
  }
  assert.deepEqual([...seen[1], ...seen[2]], seen[0]);
});

const recent = async (person) => (await person.data('{ recentSearches { query searchedAt } }')).recentSearches.map(({ query }) => query);
const note = (person, query) => person.data('mutation ($c: ID!, $q: String!) { noteSearch(commandId: $c, query: $q) { query } }',
  { c: commandId(), q: query });

test('recent searches are the caller\'s: newest first, repeated ones move up, one by one or all they go', async () => {
  for (const query of ['tide', '  Björk ', 'abba', 'TIDE']) await note(ana, query);
  assert.deepEqual(await recent(ana), ['TIDE', 'abba', 'Björk']);
  assert.deepEqual(await recent(bob), []);
  await server.kill();
  await server.start();
  assert.deepEqual(await recent(ana), ['TIDE', 'abba', 'Björk']);
  const { removeRecentSearch } = await ana.data(
    'mutation ($c: ID!) { removeRecentSearch(commandId: $c, query: "bjork") { query searchedAt } }', { c: commandId() });
  assert.deepEqual(removeRecentSearch.map(({ query }) => query), ['TIDE', 'abba']);
  assert.ok(Math.abs(Date.parse(removeRecentSearch[0].searchedAt) - Date.now()) < 600_000);
  for (let i = 0; i < 25; i++) await note(ana, `number ${i}`);
  assert.equal((await recent(ana)).length, 20);
  assert.equal((await recent(ana))[19], 'number 5');
  for (const bad of ['', '   ', 'x'.repeat(201), 'a\nb'])
    assert.equal(await ana.code('mutation ($c: ID!, $q: String!) { noteSearch(commandId: $c, query: $q) { query } }', { c: commandId(), q: bad }),
      'INVALID', JSON.stringify(bad));
  assert.deepEqual((await ana.data('mutation ($c: ID!) { clearRecentSearches(commandId: $c) { query } }', { c: commandId() })).clearRecentSearches, []);
  assert.deepEqual(await recent(ana), []);
});

test('who switches the history off is forgotten, and nothing is noted until it is on again', async () => {
  const set = (isKept) => ana.data('mutation ($c: ID!, $k: Boolean) { setSettings(commandId: $c, isSearchHistoryKept: $k) { isSearchHistoryKept } }',
    { c: commandId(), k: isKept });
  assert.equal((await ana.data('{ settings { isSearchHistoryKept } }')).settings.isSearchHistoryKept, true);
  await note(ana, 'secret');
  assert.equal((await set(false)).setSettings.isSearchHistoryKept, false);
  assert.deepEqual(await recent(ana), []);
  assert.deepEqual((await note(ana, 'another')).noteSearch, []);
  await set(true);
  assert.deepEqual(await recent(ana), []);
  await note(ana, 'later');
  assert.deepEqual(await recent(ana), ['later']);
});

test('what is too long for the thread that serves it is answered by the pool, the same', async () => {
  const asked = async (place) => {
    const figures = await (await fetch(`${server.origin}/metrics`)).text();
    return Number(figures.match(new RegExp(`^musicstream_search_asked_total{place="${place}"} (\\d+)$`, 'm'))[1]);
  };
  const all = async () => {
    const page = 'tracks(first: 20) { totalCount nodes { title } } albums { nodes { title } } lyrics { edges { line { text } } } facets { genres { value count } } people { nodes { name } } playlists { nodes { name } } didYouMean isPartial';
    const twice = (text) => ana.data(`{ a: search(query: "${text}") { ${page} } b: search(query: "harbour", filter: { favouritesOnly: true }) { ${page} } }`);
    return [await twice('harbor lihgts'), await twice(''), await twice('moonlight copper'), await twice('bob'), await twice('pagination'),
      JSON.parse(server.command('search', 'harbor', 'lihgts', '--json').stdout).hits.map(({ title }) => title)];
  };
  const here = await all();
  assert.equal(here[0].a.didYouMean, 'harbour lights');
  await server.kill();
  server.options.flags = ['--search-work', '1'];
  await server.start();
  assert.deepEqual(await all(), here);
  assert.ok(await asked('offloaded') >= 21);
  assert.deepEqual([await asked('here'), await asked('refused')], [0, 0]);

  const query = JSON.stringify({ query: `{ search(query: "tide") { tracks { nodes { title } } } }` });
  const left = await Promise.allSettled(Array.from({ length: 20 }, () => {
    const aborting = new AbortController();
    const gone = fetch(`${server.origin}/graphql`, {
      method: 'POST', headers: { Authorization: `Bearer ${ana.token}`, 'Content-Type': 'application/json' }, body: query, signal: aborting.signal,
    });
    setImmediate(() => aborting.abort());
    return gone;
  }));
  assert.equal(left.length, 20);
  assert.deepEqual(await all(), here);
});
