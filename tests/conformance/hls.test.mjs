// hls.test.mjs -- every playlist of every track, read by two parsers that players and tools use.

import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import HLS from 'hls-parser';
import { Parser } from 'm3u8-parser';
import { startServer } from '../e2e/support/server.mjs';

let server, tracks;

before(async () => {
  server = await startServer();
  await server.setUp();
  await server.scanned(12);
  ({ tracks: { nodes: tracks } } = await server.graphql(
    '{ tracks(first: 100) { nodes { title durationMs file { codec } stream { hls } } } }'));
});

after(() => server.stop());

function parsed(text, what) {
  const parser = new Parser();
  const complaints = [];
  parser.on('warn', ({ message }) => complaints.push(message)); // 'info' tells of defaults that RFC 8216 gives
  parser.push(text);
  parser.end();
  assert.deepEqual(complaints, [], what);
  return parser.manifest;
}

async function text(address) {
  const response = await fetch(address);
  assert.equal(response.status, 200, address);
  assert.equal(response.headers.get('content-type'), 'application/vnd.apple.mpegurl');
  return response.text();
}

test('both parsers read every multivariant playlist alike', async () => {
  assert.equal(tracks.length, 12);
  for (const track of tracks) {
    const body = await text(server.origin + track.stream.hls);
    const mine = parsed(body, track.title);
    const strict = HLS.parse(body, { strictMode: true });
    assert.ok(strict.isMasterPlaylist);
    assert.equal(mine.playlists.length, strict.variants.length);
    assert.ok(strict.variants.length >= 3, `${track.title}: ${strict.variants.length} renditions`);
    strict.variants.forEach((variant, i) => {
      assert.equal(mine.playlists[i].uri, variant.uri);
      assert.equal(mine.playlists[i].attributes.BANDWIDTH, variant.bandwidth);
      assert.match(variant.codecs, /^(mp4a\.40\.2|fLaC)$/);
      assert.ok(variant.bandwidth > 32000);
    });
    const lossless = strict.variants.some((variant) => variant.codecs === 'fLaC');
    assert.equal(lossless, /flac|pcm|alac/i.test(track.file.codec), `${track.title}: ${track.file.codec}`);
  }
});

test('both parsers read every media playlist alike, and it is as long as the track', async () => {
  for (const track of tracks) {
    const address = server.origin + track.stream.hls;
    for (const variant of HLS.parse(await text(address)).variants) {
      const body = await text(new URL(variant.uri, address));
      const what = `${track.title} ${variant.uri}`;
      const mine = parsed(body, what);
      const strict = HLS.parse(body, { strictMode: true });
      assert.ok(strict.endlist && mine.endList, what);
      assert.equal(strict.playlistType, 'VOD', what);
      assert.equal(mine.segments.length, strict.segments.length, what);
      let seconds = 0;
      strict.segments.forEach((segment, i) => {
        assert.equal(mine.segments[i].uri, segment.uri);
        assert.equal(mine.segments[i].duration, segment.duration);
        assert.equal(mine.segments[i].map.uri, segment.map.uri);
        assert.ok(Math.round(segment.duration) <= strict.targetDuration, `${what}: ${segment.duration}`);
        seconds += segment.duration;
      });
      assert.ok(Math.abs(seconds - track.durationMs / 1000) < 0.1, `${what}: ${seconds} of ${track.durationMs} ms`);
    }
  }
});
