// stream.first_cold, stream.first_cached: from the play request to the first byte of the first segment.
//
// What a player does when play is pressed on a track whose addresses it has (they came with the album): at the same
// time the command playTracks on one connection and, on another, one after the other, the multivariant playlist, the
// media playlist of its first rendition and segment 0. The clock runs from writing the first of these requests to the
// first byte of the segment's body; both connections are kept alive, as a browser's are. Cold: no segment of the track
// was ever encoded. Cached: the same track again, after its segments are there. FLAC, MP3 and Ogg take turns, cold and
// cached too. Beside them stream.segment_cold and stream.segment_cached: the request for the segment alone.

import { commandId, startServer } from '../tests/e2e/support/server.mjs';
import { Connection, detail, makeMusic, median, print } from './support/figures.mjs';

const TRACKS = 60;
const SECONDS = 12;
const WARM_UP = 6;
/** Loudness included. */
const SCAN_LIMIT_MS = 300_000;

const mutation = `mutation ($c: ID!, $t: [ID!]!) { playTracks(commandId: $c, deviceId: "bench", trackIds: $t) { version } }`;

function ok(answer, what) {
  if (answer.status !== 200) throw new Error(`${what}: ${answer.status} ${answer.body}`);
  return answer;
}

/** The address in the first line that is none of the playlist's own. */
function firstAddress(playlist, base) {
  const line = playlist.toString().split('\n').find((it) => it !== '' && !it.startsWith('#'));
  return new URL(line, `http://host${base}`).pathname;
}

const server = await startServer({ music: makeMusic(TRACKS, SECONDS) });
try {
  await server.setUp();
  await server.scanned(TRACKS, SCAN_LIMIT_MS);
  const { tracks } = await server.graphql(
    'query ($first: Int) { tracks(first: $first) { nodes { id stream { hls } } } }', { first: TRACKS });
  const commands = await Connection.open(server.origin);
  const media = await Connection.open(server.origin);
  const headers = { Origin: server.origin, Cookie: server.cookieHeader() };

  async function play(track) {
    const body = JSON.stringify({ query: mutation, variables: { c: commandId(), t: [track.id] } });
    const began = performance.now();
    const commanded = commands.post('/graphql', body, headers);
    const multivariant = ok(await media.get(track.stream.hls), 'multivariant playlist');
    const index = firstAddress(multivariant.body, track.stream.hls);
    const playlist = ok(await media.get(index), 'media playlist');
    const asked = performance.now();
    const segment = ok(await media.get(firstAddress(playlist.body, index)), 'segment');
    const answer = JSON.parse(ok(await commanded, 'playTracks').body);
    if (answer.errors) throw new Error(answer.errors[0].message);
    return { whole: segment.firstByte - began, segment: segment.firstByte - asked, index };
  }

  /** So that what is encoded ahead for one track does not run while the next is measured. */
  async function ahead(index, files) {
    for (let file = 0; file < files; file++) ok(await media.get(index.replace('index.m3u8', `${file}.m4s`)), 'segment');
  }

  const cold = [];
  const cached = [];
  for (const [number, track] of tracks.nodes.entries()) {
    const first = await play(track);
    await ahead(first.index, 4);
    const again = await play(track);
    if (number < WARM_UP) continue;
    cold.push(first);
    cached.push(again);
  }
  for (const [name, runs] of Object.entries({ cold, cached })) {
    print(`stream.first_${name}`, median(runs.map((it) => it.whole)), 'ms');
    print(`stream.segment_${name}`, median(runs.map((it) => it.segment)), 'ms');
    detail(`first_${name}`, runs.map((it) => it.whole));
    detail(`segment_${name}`, runs.map((it) => it.segment));
  }
  commands.close();
  media.close();
} finally {
  await server.stop();
}
