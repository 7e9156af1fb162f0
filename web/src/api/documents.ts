/** Every GraphQL document of the player. documents.test.ts validates them against the gateway's schema. */

const ARTWORK = 'artwork { url color }';
const CREDITS = 'credits { artist { id } name joinPhrase role }';
const STREAM = 'stream { hls expiresAt trackGain albumGain sampleRate samples encoderDelay encoderPadding }';
const TRACK = `id title artistLine ${CREDITS} album { id title } disc number durationMs isAvailable unavailableReason
  ${ARTWORK} isFavourite`;
const PLAYABLE = `${TRACK} ${STREAM}`;
const ALBUM_CARD = `id title artistLine year ${ARTWORK}`;
const ARTIST_CARD = `id name ${ARTWORK} albumCount trackCount`;
const PAGE = 'totalCount pageInfo { hasNextPage endCursor }';
const LIBRARY = `trackCount albumCount artistCount roots { name path isReadable unreadableReason }
  scan { phase filesDone filesKnown filesPerSecond secondsLeft startedAt finishedAt problems { path reason } problemCount }`;
const PLAYLIST_CARD = 'id name version entryCount durationMs changedAt isPublic owner { id name }';
const PLAYLIST = `${PLAYLIST_CARD} entries(first: 500) { nodes { id track { ${PLAYABLE} } } ${PAGE} }`;
const SESSION = `version placement queue { id track { ${TRACK} } } currentEntryId isPlaying positionMs positionAt serverTime repeat
  isShuffled activeDeviceId devices { id name isOnline volume }`;

const PERSON = 'id name followerCount followingCount isFollowed isFollower';
const SETTINGS = 'theme quality isGapless isNormalised isSearchHistoryKept';
const SERVER = 'notice features { name isOn }';

const SEARCHED = '$query: String!, $typing: Boolean!, $exact: Boolean!, $filter: SearchFilter';
const AS_SEARCHED = 'query: $query, typing: $typing, exact: $exact, filter: $filter';
const SEARCH_META = 'status didYouMean isPartial';
const SEGMENTS = '{ text isMatch }';
const HIGHLIGHTS = `highlights { title ${SEGMENTS} artist ${SEGMENTS} album ${SEGMENTS} }`;
const FOUND_PLAYLIST = 'id name entryCount owner { id name }';
const FOUND = {
  tracks: `edges { node { ${PLAYABLE} } ${HIGHLIGHTS} } ${PAGE}`,
  albums: `edges { node { ${ALBUM_CARD} } ${HIGHLIGHTS} } ${PAGE}`,
  artists: `edges { node { ${ARTIST_CARD} } ${HIGHLIGHTS} } ${PAGE}`,
  playlists: `edges { node { ${FOUND_PLAYLIST} } ${HIGHLIGHTS} } ${PAGE}`,
  people: `edges { node { id name } ${HIGHLIGHTS} } ${PAGE}`,
  lyrics: `edges { node { ${PLAYABLE} } ${HIGHLIGHTS} line { text segments ${SEGMENTS} atMs } } ${PAGE}`,
} as const;
const KINDS = ['tracks', 'albums', 'artists', 'playlists', 'people', 'lyrics'] as const;
const FACETS = ['genres', 'moods', 'decades', 'languages', 'formats'];
const RECENT = 'recentSearches { query }';

export const queries = {
  me: 'query Me { me { id } }',
  library: `query Library { library { ${LIBRARY} } }`,
  albums: `query Albums($first: Int!, $after: String, $sort: AlbumSort!, $genre: ID) {
    albums(first: $first, after: $after, sort: $sort, genre: $genre) { nodes { ${ALBUM_CARD} } ${PAGE} } }`,
  album: `query Album($id: ID!) { album(id: $id) {
    ${ALBUM_CARD} ${CREDITS} genres { id name } trackCount discCount durationMs tracks(first: 500) { ${PLAYABLE} } } }`,
  artists: `query Artists($first: Int!, $after: String) {
    artists(first: $first, after: $after) { nodes { ${ARTIST_CARD} } ${PAGE} } }`,
  artist: `query Artist($id: ID!) { artist(id: $id) { ${ARTIST_CARD}
    albums(first: 500) { nodes { ${ALBUM_CARD} } ${PAGE} } tracks(first: 100) { nodes { ${PLAYABLE} } ${PAGE} } } }`,
  genres: `query Genres($first: Int!, $after: String) {
    genres(first: $first, after: $after) { nodes { id name albumCount trackCount } ${PAGE} } }`,
  genre: 'query Genre($id: ID!) { genre(id: $id) { id name albumCount trackCount } }',
  tracks: `query Tracks($first: Int!, $after: String) {
    tracks(first: $first, after: $after) { nodes { ${PLAYABLE} } ${PAGE} } }`,
  favourites: `query Favourites($first: Int!, $after: String) {
    favourites(first: $first, after: $after) { nodes { ${PLAYABLE} } ${PAGE} } }`,
  history: `query History { history(first: 30) { playedAt track { ${PLAYABLE} } } }`,
  search: `query Search(${SEARCHED}, $shown: Int!) { search(${AS_SEARCHED}) { ${SEARCH_META}
    top(first: 4) { node { __typename ... on Track { ${PLAYABLE} } ... on Album { ${ALBUM_CARD} } ... on Artist { ${ARTIST_CARD} }
      ... on Playlist { ${FOUND_PLAYLIST} } ... on User { id name } } ${HIGHLIGHTS} }
    ${KINDS.filter((it) => it !== 'lyrics').map((it) => `${it}(first: $shown) { ${FOUND[it]} }`).join('\n')} } }`,
  searchLyrics: `query SearchLyrics(${SEARCHED}, $shown: Int!) { search(${AS_SEARCHED}) { ${SEARCH_META}
    lyrics(first: $shown) { ${FOUND.lyrics} } } }`,
  facets: `query Facets(${SEARCHED}) { search(${AS_SEARCHED}) {
    facets { ${FACETS.map((it) => `${it} { value count }`).join(' ')} } } }`,
  recentSearches: `query RecentSearches { ${RECENT} }`,
  playlists: `query Playlists { playlists { ${PLAYLIST_CARD} } }`,
  playlist: `query Playlist($id: ID!) { playlist(id: $id) { ${PLAYLIST} } }`,
  playlistEntries: `query PlaylistEntries($id: ID!, $after: String) { playlist(id: $id) {
    entries(first: 500, after: $after) { nodes { id track { ${PLAYABLE} } } ${PAGE} } } }`,
  playlistsOf: `query PlaylistsOf($id: ID!) { playlists(of: $id) { ${PLAYLIST_CARD} } }`,
  person: `query Person($id: ID!) { user(id: $id) { ${PERSON} } }`,
  stream: `query Stream($id: ID!) { track(id: $id) { id ${STREAM} } }`,
  lyrics: 'query Lyrics($id: ID!) { track(id: $id) { id lyrics { isSynced lines { startMs text } } } }',
} as const;

/** All of one kind that was found, page after page. */
export const searchPages = Object.fromEntries(
  KINDS.map((it) => [
    it,
    `query SearchPage(${SEARCHED}, $first: Int!, $after: String) { search(${AS_SEARCHED}) { ${SEARCH_META}
      ${it}(first: $first, after: $after) { ${FOUND[it]} } } }`,
  ]),
) as Record<(typeof KINDS)[number], string>;

const session = (name: string, variables: string, field: string) =>
  `mutation ${name}($commandId: ID!${variables}) { session: ${field} { ${SESSION} } }`;

export const mutations = {
  setSettings: `mutation SetSettings($commandId: ID!, $theme: Theme, $quality: Quality, $isGapless: Boolean, $isNormalised: Boolean,
    $isSearchHistoryKept: Boolean) { settings: setSettings(commandId: $commandId, theme: $theme, quality: $quality,
      isGapless: $isGapless, isNormalised: $isNormalised, isSearchHistoryKept: $isSearchHistoryKept) { ${SETTINGS} } }`,
  setNotice: `mutation SetNotice($commandId: ID!, $text: String!) {
    server: setNotice(commandId: $commandId, text: $text) { ${SERVER} } }`,
  setFeature: `mutation SetFeature($commandId: ID!, $name: String!, $isOn: Boolean!) {
    server: setFeature(commandId: $commandId, name: $name, isOn: $isOn) { ${SERVER} } }`,
  playTracks: session(
    'PlayTracks',
    ', $deviceId: ID!, $trackIds: [ID!]!, $startIndex: Int!',
    'playTracks(commandId: $commandId, deviceId: $deviceId, trackIds: $trackIds, startIndex: $startIndex)',
  ),
  enqueue: session(
    'Enqueue',
    ', $trackIds: [ID!]!, $place: QueuePlace!',
    'enqueue(commandId: $commandId, trackIds: $trackIds, place: $place)',
  ),
  removeFromQueue: session(
    'RemoveFromQueue',
    ', $entryIds: [ID!]!',
    'removeFromQueue(commandId: $commandId, entryIds: $entryIds)',
  ),
  moveQueueEntry: session(
    'MoveQueueEntry',
    ', $entryId: ID!, $index: Int!',
    'moveQueueEntry(commandId: $commandId, entryId: $entryId, index: $index)',
  ),
  clearQueue: session('ClearQueue', '', 'clearQueue(commandId: $commandId)'),
  play: session(
    'Play',
    ', $deviceId: ID!, $entryId: ID, $positionMs: Int',
    'play(commandId: $commandId, deviceId: $deviceId, entryId: $entryId, positionMs: $positionMs)',
  ),
  pause: session('Pause', ', $positionMs: Int', 'pause(commandId: $commandId, positionMs: $positionMs)'),
  seek: session('Seek', ', $positionMs: Int!', 'seek(commandId: $commandId, positionMs: $positionMs)'),
  reportProgress: session(
    'ReportProgress',
    ', $deviceId: ID!, $entryId: ID!, $positionMs: Int!, $isPlaying: Boolean!, $placement: Int',
    `reportProgress(commandId: $commandId, deviceId: $deviceId, entryId: $entryId, positionMs: $positionMs,
      isPlaying: $isPlaying, placement: $placement)`,
  ),
  setRepeat: session('SetRepeat', ', $repeat: Repeat!', 'setRepeat(commandId: $commandId, repeat: $repeat)'),
  setShuffle: session(
    'SetShuffle',
    ', $isShuffled: Boolean!',
    'setShuffle(commandId: $commandId, isShuffled: $isShuffled)',
  ),
  setVolume: session(
    'SetVolume',
    ', $deviceId: ID!, $volume: Int!',
    'setVolume(commandId: $commandId, deviceId: $deviceId, volume: $volume)',
  ),
  transferPlayback: session(
    'TransferPlayback',
    ', $deviceId: ID!',
    'transferPlayback(commandId: $commandId, deviceId: $deviceId)',
  ),
  forgetDevice: session(
    'ForgetDevice',
    ', $deviceId: ID!',
    'forgetDevice(commandId: $commandId, deviceId: $deviceId)',
  ),

  createPlaylist: `mutation CreatePlaylist($commandId: ID!, $name: String!, $trackIds: [ID!]) {
    createPlaylist(commandId: $commandId, name: $name, trackIds: $trackIds) { ${PLAYLIST_CARD} } }`,
  renamePlaylist: `mutation RenamePlaylist($commandId: ID!, $id: ID!, $name: String!) {
    renamePlaylist(commandId: $commandId, id: $id, name: $name) { ${PLAYLIST_CARD} } }`,
  setPlaylistPublic: `mutation SetPlaylistPublic($commandId: ID!, $id: ID!, $isPublic: Boolean!) {
    setPlaylistPublic(commandId: $commandId, id: $id, isPublic: $isPublic) { ${PLAYLIST_CARD} } }`,
  deletePlaylist: `mutation DeletePlaylist($commandId: ID!, $id: ID!) {
    deletePlaylist(commandId: $commandId, id: $id) }`,
  addToPlaylist: `mutation AddToPlaylist($commandId: ID!, $id: ID!, $trackIds: [ID!]!) {
    addToPlaylist(commandId: $commandId, id: $id, trackIds: $trackIds) { ${PLAYLIST_CARD} } }`,
  removeFromPlaylist: `mutation RemoveFromPlaylist($commandId: ID!, $id: ID!, $entryIds: [ID!]!) {
    removeFromPlaylist(commandId: $commandId, id: $id, entryIds: $entryIds) { ${PLAYLIST_CARD} } }`,
  movePlaylistEntry: `mutation MovePlaylistEntry($commandId: ID!, $id: ID!, $entryId: ID!, $index: Int!) {
    movePlaylistEntry(commandId: $commandId, id: $id, entryId: $entryId, index: $index) { ${PLAYLIST_CARD} } }`,

  follow: `mutation Follow($commandId: ID!, $userId: ID!) {
    user: follow(commandId: $commandId, userId: $userId) { ${PERSON} } }`,
  unfollow: `mutation Unfollow($commandId: ID!, $userId: ID!) {
    user: unfollow(commandId: $commandId, userId: $userId) { ${PERSON} } }`,

  setFavourite: `mutation SetFavourite($commandId: ID!, $trackId: ID!, $isFavourite: Boolean!) {
    setFavourite(commandId: $commandId, trackId: $trackId, isFavourite: $isFavourite) { id isFavourite } }`,

  noteSearch: `mutation NoteSearch($commandId: ID!, $query: String!) {
    recentSearches: noteSearch(commandId: $commandId, query: $query) { query } }`,
  removeRecentSearch: `mutation RemoveRecentSearch($commandId: ID!, $query: String!) {
    recentSearches: removeRecentSearch(commandId: $commandId, query: $query) { query } }`,
  clearRecentSearches: `mutation ClearRecentSearches($commandId: ID!) {
    recentSearches: clearRecentSearches(commandId: $commandId) { query } }`,

  addLibraryRoot: `mutation AddLibraryRoot($commandId: ID!, $path: String!) {
    addLibraryRoot(commandId: $commandId, path: $path) { ${LIBRARY} } }`,
  startScan: `mutation StartScan($commandId: ID!) { startScan(commandId: $commandId) { ${LIBRARY} } }`,
  cancelScan: `mutation CancelScan($commandId: ID!) { cancelScan(commandId: $commandId) { ${LIBRARY} } }`,
} as const;

export const subscriptions = {
  settings: `subscription Settings { settings { ${SETTINGS} } }`,
  server: `subscription Server { server { ${SERVER} } }`,
  session: `subscription Session($deviceId: ID!, $deviceName: String!) {
    session(deviceId: $deviceId, deviceName: $deviceName) { ${SESSION} } }`,
  playlist: `subscription Playlist($id: ID!) { playlist(id: $id) { ${PLAYLIST} } }`,
  playlists: `subscription Playlists { playlists { ${PLAYLIST_CARD} } }`,
  library: `subscription Library { library { ${LIBRARY} } }`,
  track: 'subscription Track { track { id isFavourite } }',
} as const;
