/** What the server found, as the page lists it: the best of all kinds first, then each kind. */
import type { AlbumCard, ArtistCard, FoundPerson, FoundPlaylist, Highlights, Page, SearchLine, Segment, Track } from '../api/types';

export const KINDS = ['tracks', 'albums', 'artists', 'playlists', 'people', 'lyrics'] as const;
export type Kind = (typeof KINDS)[number];

export type Found =
  | { kind: 'tracks'; node: Track; highlights: Highlights }
  | { kind: 'albums'; node: AlbumCard; highlights: Highlights }
  | { kind: 'artists'; node: ArtistCard; highlights: Highlights }
  | { kind: 'playlists'; node: FoundPlaylist; highlights: Highlights }
  | { kind: 'people'; node: FoundPerson; highlights: Highlights }
  | { kind: 'lyrics'; node: Track; highlights: Highlights; line: SearchLine };

interface Edge<N> {
  node: N;
  highlights: Highlights;
}

export type FoundPage<E> = Omit<Page<never>, 'nodes'> & { edges: E[] };

export interface Pages {
  tracks: FoundPage<Edge<Track>>;
  albums: FoundPage<Edge<AlbumCard>>;
  artists: FoundPage<Edge<ArtistCard>>;
  playlists: FoundPage<Edge<FoundPlaylist>>;
  people: FoundPage<Edge<FoundPerson>>;
  lyrics: FoundPage<Edge<Track> & { line: SearchLine }>;
}

type Typename = 'Track' | 'Album' | 'Artist' | 'Playlist' | 'User';
const KIND_OF: Record<Typename, Kind> = {
  Track: 'tracks',
  Album: 'albums',
  Artist: 'artists',
  Playlist: 'playlists',
  User: 'people',
};

export interface SearchMeta {
  status: 'READY' | 'BUILDING';
  didYouMean: string | null;
  isPartial: boolean;
}

export interface SearchAnswer extends SearchMeta, Omit<Pages, 'lyrics'>, Partial<Pick<Pages, 'lyrics'>> {
  top: { node: { __typename: Typename; id: string }; highlights: Highlights }[];
}

export interface Group {
  kind: Kind;
  items: Found[];
  /** Of all that there are. */
  total: number;
}

export interface View extends SearchMeta {
  top: Found[];
  /** Without what stands at the top, and without the empty ones. */
  groups: Group[];
  /** Every one counted once. */
  count: number;
}

/** Shown of a kind; what stands at the top counts as shown. */
export const GROUP_SHOWN = 5;

/** A track may be found by its name and by its lyrics: the kind tells the two apart. */
export function keyOf({ kind, node }: Found): string {
  return `${kind} ${node.id}`;
}

/** None where it was not asked for. */
export function foundOf(kind: Kind, pages: Partial<Pages>): Found[] {
  return (pages[kind]?.edges ?? []).map((edge) => ({ kind, ...edge }) as Found);
}

function topOf({ top }: SearchAnswer): Found[] {
  return top.map(({ node, highlights }) => ({ kind: KIND_OF[node.__typename], node, highlights }) as unknown as Found);
}

/** No name is as these words stand: a line of lyrics may be what was meant. */
export function isDoubtful(answer: SearchAnswer): boolean {
  const isNamed = KINDS.some((it) => it !== 'lyrics' && (answer[it]?.totalCount ?? 0) > 0);
  return !isNamed || (answer.didYouMean ?? '') !== '';
}

/** Words that are no name as they stand, but are sung: a line is what was meant. */
function orderOf(answer: SearchAnswer): readonly Kind[] {
  const isLine = isDoubtful(answer) && (answer.lyrics?.totalCount ?? 0) > 0;
  return isLine ? ['lyrics', ...KINDS.filter((it) => it !== 'lyrics')] : KINDS;
}

export function viewOf(answer: SearchAnswer): View {
  const top = topOf(answer);
  const isOnTop = new Set(top.map(keyOf));
  const groups = orderOf(answer).map((kind): Group => {
    const items = foundOf(kind, answer).filter((it) => !isOnTop.has(keyOf(it)));
    return { kind, items: items.slice(0, GROUP_SHOWN), total: answer[kind]?.totalCount ?? 0 };
  });
  const { status, didYouMean, isPartial } = answer;
  return {
    status,
    didYouMean: didYouMean === '' ? null : didYouMean,
    isPartial,
    top,
    groups: groups.filter((it) => it.items.length > 0),
    count: groups.reduce((sum, it) => sum + it.total, 0),
  };
}

/** What the arrow keys go through, in the order in which it stands. */
export type Option = { key: string; group: Kind | 'top'; item: Found } | { key: string; group: Kind; item: null };

export function optionsOf({ top, groups }: View): Option[] {
  const onTop = top.map((item): Option => ({ key: `top ${keyOf(item)}`, group: 'top', item }));
  return [...onTop, ...groups.flatMap(({ kind, items, total }) => groupOptions(kind, items, isMore(kind, items, top, total)))];
}

function groupOptions(kind: Kind, items: readonly Found[], hasMore: boolean): Option[] {
  const shown = items.map((item): Option => ({ key: keyOf(item), group: kind, item }));
  return hasMore ? [...shown, { key: `all ${kind}`, group: kind, item: null }] : shown;
}

/** Are there more of a kind than the page shows? */
export function isMore(kind: Kind, items: readonly Found[], top: readonly Found[], total: number): boolean {
  return total > items.length + top.filter((it) => it.kind === kind).length;
}

export type Move = 'next' | 'previous' | 'nextGroup' | 'previousGroup';

/** Where a key leads; null is the box itself, between the last one and the first. */
export function moved(options: readonly Option[], key: string | null, move: Move): string | null {
  const at = options.findIndex((it) => it.key === key);
  if (move === 'next') return options[at + 1]?.key ?? null;
  if (move === 'previous') return options[at === -1 ? options.length - 1 : at - 1]?.key ?? null;
  const starts = options.filter((it, i) => it.group !== options[i - 1]?.group).map((it) => options.indexOf(it));
  const start = move === 'nextGroup' ? starts.find((it) => it > at) : starts.findLast((it) => it < at);
  return options[start ?? -1]?.key ?? null;
}

/** Of the pieces of a text those of a stretch of it. */
export function cutPieces(pieces: readonly Segment[], from: number, to: number): Segment[] {
  let start = 0;
  const cut = pieces.map(({ text, isMatch }) => {
    const at = start;
    start += text.length;
    return { text: text.slice(Math.max(0, from - at), Math.max(0, to - at)), isMatch };
  });
  return cut.filter((it) => it.text !== '');
}

/** The pieces of a text; where they are not those of the text, the text as it is. */
export function piecesOf(segments: readonly Segment[], text: string): readonly Segment[] {
  if (segments.map((it) => it.text).join('') === text) return segments;
  return [{ text, isMatch: false }];
}
