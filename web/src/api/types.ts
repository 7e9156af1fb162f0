/** What the documents of documents.ts ask for, as TypeScript sees it. */

export type Role = 'ADMIN' | 'LISTENER';
export type Repeat = 'OFF' | 'ALL' | 'ONE';
export type ScanPhase = 'IDLE' | 'LISTING' | 'READING' | 'FINISHING';
export type QueuePlace = 'NEXT' | 'LAST';
export type AlbumSort = 'TITLE' | 'ARTIST' | 'YEAR' | 'ADDED';

export interface User {
  id: string;
  name: string;
  role: Role;
}

export interface SignedIn {
  user: User;
  expiresAt: string;
}

export interface Artwork {
  url: string;
  color: string;
}

export interface StreamInfo {
  hls: string;
  expiresAt: string;
  trackGain: number | null;
  albumGain: number | null;
  sampleRate: number;
  samples: number;
  encoderDelay: number;
  encoderPadding: number;
}

export interface Credit {
  artist: { id: string };
  name: string;
  joinPhrase: string;
  role: string;
}

export interface Track {
  id: string;
  title: string;
  artistLine: string;
  credits: Credit[];
  album: { id: string; title: string };
  disc: number;
  number: number;
  durationMs: number;
  isAvailable: boolean;
  unavailableReason: string | null;
  artwork: Artwork | null;
  isFavourite: boolean;
  /** Asked for wherever a track can be started, so that a click needs no further question. */
  stream?: StreamInfo;
}

export interface AlbumCard {
  id: string;
  title: string;
  artistLine: string;
  year: number | null;
  artwork: Artwork | null;
}

export interface Album extends AlbumCard {
  credits: Credit[];
  genres: { id: string; name: string }[];
  trackCount: number;
  discCount: number;
  durationMs: number;
  tracks: Track[];
}

export interface ArtistCard {
  id: string;
  name: string;
  artwork: Artwork | null;
  albumCount: number;
  trackCount: number;
}

export interface Genre {
  id: string;
  name: string;
  albumCount: number;
  trackCount: number;
}

export interface Page<T> {
  nodes: T[];
  totalCount: number;
  pageInfo: { hasNextPage: boolean; endCursor: string | null };
}

export interface PlaylistCard {
  id: string;
  name: string;
  version: number;
  entryCount: number;
  durationMs: number;
  changedAt: string;
  /** Others may read it. */
  isPublic: boolean;
  owner: { id: string; name: string };
}

export interface PlaylistEntry {
  id: string;
  track: Track;
}

export interface Playlist extends PlaylistCard {
  entries: Page<PlaylistEntry>;
}

export interface Lyrics {
  isSynced: boolean;
  lines: { startMs: number | null; text: string }[];
}

export interface QueueEntry {
  id: string;
  track: Track;
}

export interface Device {
  id: string;
  name: string;
  isOnline: boolean;
  volume: number;
}

export interface Session {
  version: number;
  /** Grows whenever somebody says where or whether playback goes on; the playing device's reports are none of that. */
  placement: number;
  queue: QueueEntry[];
  currentEntryId: string | null;
  isPlaying: boolean;
  positionMs: number;
  positionAt: string;
  serverTime: string;
  repeat: Repeat;
  isShuffled: boolean;
  activeDeviceId: string | null;
  devices: Device[];
}

export interface Library {
  trackCount: number;
  albumCount: number;
  artistCount: number;
  roots: { name: string; path: string; isReadable: boolean; unreadableReason: string | null }[];
  scan: {
    phase: ScanPhase;
    filesDone: number;
    filesKnown: number;
    filesPerSecond: number;
    secondsLeft: number | null;
    startedAt: string | null;
    finishedAt: string | null;
    problems: { path: string; reason: string }[];
    problemCount: number;
  };
}

/** A text in pieces; joined they are the text. */
export interface Segment {
  text: string;
  isMatch: boolean;
}

export interface Highlights {
  title: Segment[];
  artist: Segment[];
  album: Segment[];
}

export interface SearchLine {
  text: string;
  segments: Segment[];
  /** Null in plain lyrics. */
  atMs: number | null;
}

export interface FoundPlaylist {
  id: string;
  name: string;
  entryCount: number;
  owner: { id: string; name: string };
}

export interface FoundPerson {
  id: string;
  name: string;
}

export interface Person extends FoundPerson {
  followerCount: number;
  followingCount: number;
  /** By the listener. */
  isFollowed: boolean;
  /** Of the listener. */
  isFollower: boolean;
}

export interface FacetValue {
  value: string;
  count: number;
}

export type FacetName = 'genres' | 'moods' | 'decades' | 'languages' | 'formats';
export type Facets = Record<FacetName, FacetValue[]>;

export interface RecentSearch {
  query: string;
}
