// subsonic.mjs -- a Subsonic server with one library, and the ways in which real ones differ.
//
//   const peer = await startSubsonic({ songs, users: { anna: { password, starred, rated, played, playlists } } });
//   peer.quirks = { xml: true, ... };  peer.requests: what was asked;  await peer.stop();
//
// Quirks: xml (no JSON), oneIsNoList (a list of one is an object), numbersAreText, numericIds, noTokens, keysOnly,
// noEmptySearch ('error' or 'nothing'), twoQuotes, ignoresOffset, pageMax, starsOnlyInList, fails (so many 503 first),
// retryAfter, hangsAt (answers no more from this request on), html, redirect, huge, oldVersion, path ('virtual', 'none').

import { createHash } from 'node:crypto';
import http from 'node:http';
import https from 'node:https';

const md5 = (text) => createHash('md5').update(text).digest('hex');

class Peer {
  quirks = {};
  requests = [];

  constructor(library) {
    this.library = library;
  }

  error(code, message) {
    return { status: 'failed', error: { code, message } };
  }

  signedIn(given) {
    const { noTokens, keysOnly, oldVersion } = this.quirks;
    if (oldVersion && given.get('v') !== '1.13.0') return [null, this.error(30, 'Incompatible version. Server must upgrade.')];
    if (given.get('apiKey')) {
      const found = Object.entries(this.library.users).find(([, user]) => user.key === given.get('apiKey'));
      if (given.get('u')) return [null, this.error(43, 'Multiple conflicting authentication mechanisms')];
      return found ? [found] : [null, this.error(44, 'Invalid API key')];
    }
    if (keysOnly) return [null, this.error(42, 'Provided authentication mechanism not supported')];
    const user = this.library.users[given.get('u')], wrong = [null, this.error(40, 'Wrong username or password')];
    if (noTokens && !given.get('p')) return [null, this.error(noTokens, 'Token authentication not supported')];
    if (!user) return wrong;
    const password = given.get('p')?.replace(/^enc:(.*)$/, (_, hex) => Buffer.from(hex, 'hex').toString());
    const isRight = password !== undefined ? password === user.password
      : given.get('s')?.length >= 6 && given.get('t') === md5(user.password + given.get('s'));
    return isRight ? [[given.get('u'), user]] : wrong;
  }

  song(index, user, isListed = true) {
    const { title, artist, album, duration, path } = this.library.songs[index];
    const song = { id: `song-${index}`, isDir: false, title, artist, album, duration, path, isVideo: false, created: '2020-01-01T00:00:00.000Z' };
    if (this.quirks.numericIds) song.id = 1000 + index;
    if (this.quirks.path === 'virtual') song.path = `${artist}/${album}/01 - ${title}.flac`;
    if (this.quirks.path === 'none') delete song.path;
    if (user.starred?.[index] && !(isListed && this.quirks.starsOnlyInList)) song.starred = user.starred[index];
    if (user.rated?.[index]) song.userRating = user.rated[index];
    if (user.played?.[index]) [song.playCount, song.played] = user.played[index];
    return song;
  }

  songs(user) {
    return this.library.songs.map((_, index) => this.song(index, user));
  }

  page(all, count, offset) {
    const { pageMax = 500, ignoresOffset } = this.quirks;
    const from = ignoresOffset ? 0 : Number(offset ?? 0);
    return all.slice(from, from + Math.min(Number(count ?? 10), pageMax));
  }

  answer(endpoint, given, [name, user]) {
    const albums = [...new Set(this.library.songs.map(({ album }) => album))];
    switch (endpoint) {
      case 'ping': return {};
      case 'getStarred2':
        return { starred2: { album: user.starredAlbums ?? [], artist: [],
          song: Object.keys(user.starred ?? {}).map((index) => this.song(Number(index), user, false)) } };
      case 'search3': {
        if (this.quirks.noEmptySearch === 'error') return this.error(10, 'Required string parameter is not present');
        const finds = this.quirks.twoQuotes ? given.get('query') === '""' : this.quirks.noEmptySearch !== 'nothing';
        return { searchResult3: finds ? { song: this.page(this.songs(user), given.get('songCount'), given.get('songOffset')) } : {} };
      }
      case 'getAlbumList2':
        return { albumList2: { album: this.page(albums.map((album) => ({ id: `album-${album}`, name: album })), given.get('size'), given.get('offset')) } };
      case 'getAlbum': {
        const album = given.get('id').replace(/^album-/, '');
        if (!albums.includes(album)) return this.error(70, 'Album not found');
        return { album: { id: given.get('id'), name: album, song: this.songs(user).filter((song) => song.album === album) } };
      }
      case 'getPlaylists':
        return { playlists: { playlist: Object.entries(this.library.users).flatMap(([owner, { playlists = {} }]) =>
          Object.entries(playlists).filter(([, { isPublic }]) => owner === name || isPublic)
            .map(([id, { title, isSmart, songs }]) => ({ id, name: title, owner, songCount: songs.length, ...(isSmart ? { readonly: true } : {}) }))) } };
      case 'getPlaylist': {
        const playlist = user.playlists?.[given.get('id')];
        if (!playlist) return this.error(70, 'Playlist not found');
        return { playlist: { id: given.get('id'), name: playlist.title, entry: playlist.songs.map((index) => this.song(index, user)) } };
      }
      default: return this.error(0, `Unknown method ${endpoint}`);
    }
  }

  /** As an XML server says the same. */
  xml(name, value) {
    const escape = (text) => String(text).replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('"', '&quot;');
    const members = Object.entries(value);
    const attributes = members.filter(([, one]) => typeof one !== 'object').map(([key, one]) => ` ${key}="${escape(one)}"`).join('');
    const children = members.filter(([, one]) => typeof one === 'object')
      .flatMap(([key, one]) => [one].flat().map((each) => this.xml(key, each))).join('');
    return `<${name}${attributes}>${children}</${name}>`;
  }

  reshape(value) {
    if (Array.isArray(value)) return value.length === 1 && this.quirks.oneIsNoList ? this.reshape(value[0]) : value.map((one) => this.reshape(one));
    if (value && typeof value === 'object') return Object.fromEntries(Object.entries(value).map(([key, one]) => [key, this.reshape(one)]));
    return this.quirks.numbersAreText && typeof value !== 'string' ? String(value) : value;
  }

  send(response, endpoint, given) {
    const { xml, html, redirect, huge } = this.quirks;
    if (redirect) return response.writeHead(301, { Location: `https://elsewhere.example${'/rest'}` }).end();
    if (html) return response.writeHead(200, { 'Content-Type': 'text/html' }).end('<!DOCTYPE html><html><body>Welcome</body></html>');
    if (huge) return response.end(Buffer.alloc(65 * 1024 * 1024, 32));
    const [who, refused] = this.signedIn(given);
    const envelope = { status: 'ok', version: this.quirks.oldVersion ? '1.13.0' : '1.16.1', type: 'fixture', serverVersion: '1.2 (test)',
      openSubsonic: true, ...(refused ?? this.answer(endpoint, given, who)) };
    if (xml || given.get('f') !== 'json') {
      response.writeHead(200, { 'Content-Type': 'application/xml' });
      return response.end(`<?xml version="1.0" encoding="UTF-8"?>\n${this.xml('subsonic-response', { xmlns: 'http://subsonic.org/restapi', ...envelope })}`);
    }
    response.writeHead(200, { 'Content-Type': 'application/json' });
    return response.end(JSON.stringify({ 'subsonic-response': this.reshape(envelope) }));
  }

  handle(request, response) {
    let body = '';
    request.on('data', (data) => (body += data));
    request.on('end', () => {
      const url = new URL(request.url, 'http://peer');
      const endpoint = /^\/base\/rest\/(\w+)\.view$/.exec(url.pathname)?.[1];
      const given = new URLSearchParams(request.method === 'POST' ? body : url.search);
      this.requests.push({ method: request.method, endpoint, url: request.url, given });
      if (!endpoint) return response.writeHead(404).end();
      if (this.quirks.hangsAt && this.requests.length >= this.quirks.hangsAt) return undefined;
      if (this.quirks.fails > 0) {
        this.quirks.fails--;
        return response.writeHead(503, this.quirks.retryAfter ? { 'Retry-After': String(this.quirks.retryAfter) } : {}).end('busy');
      }
      return this.send(response, endpoint, given);
    });
  }

  async stop() {
    this.server.closeAllConnections();
    await new Promise((done) => this.server.close(done));
  }
}

/** tls: { key, cert } for HTTPS. */
export async function startSubsonic(library, tls) {
  const peer = new Peer(library);
  const handle = (request, response) => peer.handle(request, response);
  peer.server = tls ? https.createServer(tls, handle) : http.createServer(handle);
  await new Promise((done) => peer.server.listen(0, '127.0.0.1', done));
  peer.url = `${tls ? 'https' : 'http'}://127.0.0.1:${peer.server.address().port}/base`;
  return peer;
}
