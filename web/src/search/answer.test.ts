import { describe, expect, it } from 'vitest';
import { cutPieces, isDoubtful, isMore, moved, optionsOf, piecesOf, viewOf, type Kind, type SearchAnswer } from './answer';

const HIGHLIGHTS = { title: [], artist: [], album: [] };
const TYPENAMES = { tracks: 'Track', albums: 'Album', artists: 'Artist', playlists: 'Playlist', people: 'User', lyrics: 'Track' } as const;

const pageInfo = { hasNextPage: false, endCursor: null };
const group = (ids: string[], totalCount = ids.length) => ({
  edges: ids.map((id) => ({ node: { id }, highlights: HIGHLIGHTS, line: { text: '', segments: [], atMs: null } })),
  totalCount,
  pageInfo,
});

/** `top`: kind and id; of the groups the ids. */
function answerOf(top: [Kind, string][], groups: Partial<Record<Kind, ReturnType<typeof group>>>): SearchAnswer {
  const none = group([]);
  return {
    status: 'READY',
    didYouMean: null,
    isPartial: false,
    top: top.map(([kind, id]) => ({ node: { __typename: TYPENAMES[kind], id }, highlights: HIGHLIGHTS })),
    ...{ tracks: none, albums: none, artists: none, playlists: none, people: none, lyrics: none },
    ...groups,
  } as unknown as SearchAnswer;
}

const keys = (answer: SearchAnswer) => optionsOf(viewOf(answer)).map((it) => it.key);

describe('what is listed', () => {
  it('begins with the best of all kinds, and shows none of them twice', () => {
    const answer = answerOf([['artists', 'a1'], ['tracks', 't1']], { tracks: group(['t1', 't2']), artists: group(['a1']) });

    expect(keys(answer)).toEqual(['top artists a1', 'top tracks t1', 'tracks t2']);
    expect(viewOf(answer).count).toBe(3);
  });

  it('tells a track from one of the same id that was found by its lyrics', () => {
    const answer = answerOf([['tracks', 't1']], { tracks: group(['t1']), lyrics: group(['t1']) });

    expect(keys(answer)).toEqual(['top tracks t1', 'lyrics t1']);
  });

  it('tells an album from a track of the same id', () => {
    expect(keys(answerOf([['albums', '1']], { tracks: group(['1']), albums: group(['1']) }))).toEqual(['top albums 1', 'tracks 1']);
  });

  it('has the lines before the names where the words are no name as they stand', () => {
    const answer = answerOf([], { tracks: group(['t1']), lyrics: group(['t2']) });

    expect(keys(answer)).toEqual(['tracks t1', 'lyrics t2']);
    expect(keys({ ...answer, didYouMean: 'other words' })).toEqual(['lyrics t2', 'tracks t1']);
  });

  it('doubts words that were corrected, or that nothing is called', () => {
    const answer = answerOf([], { tracks: group(['t1']) });

    expect(isDoubtful(answer)).toBe(false);
    expect(isDoubtful({ ...answer, didYouMean: 'other words' })).toBe(true);
    expect(isDoubtful(answerOf([], { lyrics: group(['t1']) }))).toBe(true);
  });

  it('has no lines where none were asked for', () => {
    const { lyrics: _, ...answer } = answerOf([], { tracks: group(['t1']) });

    expect(keys(answer)).toEqual(['tracks t1']);
    expect(viewOf(answer).count).toBe(1);
  });

  it('ends a kind with the way to all of it where there are more than are shown', () => {
    const answer = answerOf([['tracks', 't1']], { tracks: group(['t1', 't2', 't3', 't4', 't5', 't6', 't7'], 7), albums: group(['b1'], 1) });

    expect(keys(answer).slice(1)).toEqual(['tracks t2', 'tracks t3', 'tracks t4', 'tracks t5', 'tracks t6', 'all tracks', 'albums b1']);
  });

  it.each([
    [5, 0, 5, false],
    [5, 0, 6, true],
    [4, 1, 5, false],
    [4, 1, 6, true],
  ])('%i shown, %i at the top, %i in all: more is %s', (shown, top, total, want) => {
    const answer = answerOf([], { tracks: group(Array.from({ length: shown + top }, (_, i) => `t${i}`), total) });
    const items = viewOf(answer).groups[0]?.items ?? [];
    const found = [...items, ...items].slice(0, shown + top);

    expect(isMore('tracks', found.slice(0, shown), found.slice(shown), total)).toBe(want);
  });
});

describe('the arrow keys', () => {
  const options = optionsOf(
    viewOf(answerOf([['artists', 'a1'], ['tracks', 't1']], { tracks: group(['t1', 't2', 't3']), albums: group(['b1']) })),
  );

  it.each([
    [null, 'next', 'top artists a1'],
    ['top tracks t1', 'next', 'tracks t2'],
    ['albums b1', 'next', null],
    [null, 'previous', 'albums b1'],
    ['top artists a1', 'previous', null],
    ['tracks t2', 'previous', 'top tracks t1'],
    [null, 'nextGroup', 'top artists a1'],
    ['top artists a1', 'nextGroup', 'tracks t2'],
    ['tracks t3', 'nextGroup', 'albums b1'],
    ['albums b1', 'nextGroup', null],
    ['albums b1', 'previousGroup', 'tracks t2'],
    ['tracks t3', 'previousGroup', 'tracks t2'],
    ['tracks t2', 'previousGroup', 'top artists a1'],
    ['top artists a1', 'previousGroup', null],
    ['what is gone', 'next', 'top artists a1'],
  ] as const)('from %s, %s leads to %s', (from, move, want) => {
    expect(moved(options, from, move)).toBe(want);
  });

  it('lead nowhere where nothing was found', () => {
    expect(moved([], null, 'next')).toBeNull();
    expect(moved([], null, 'previous')).toBeNull();
  });
});

describe('piecesOf', () => {
  const segments = [
    { text: 'Night', isMatch: true },
    { text: ' Trains', isMatch: false },
  ];

  it('gives the pieces of the text', () => {
    expect(piecesOf(segments, 'Night Trains')).toBe(segments);
  });

  it.each([
    ['those of another text', segments, 'Night Train'],
    ['none', [], 'Night Trains'],
  ])('%s: gives the text as it is', (_, pieces, text) => {
    expect(piecesOf(pieces, text)).toEqual([{ text, isMatch: false }]);
  });

  it('are cut where a stretch of the text begins and ends', () => {
    expect(cutPieces(segments, 3, 8)).toEqual([
      { text: 'ht', isMatch: true },
      { text: ' Tr', isMatch: false },
    ]);
    expect(cutPieces(segments, 0, 5)).toEqual([{ text: 'Night', isMatch: true }]);
    expect(cutPieces(segments, 6, 12)).toEqual([{ text: 'Trains', isMatch: false }]);
    expect(cutPieces(segments, 12, 20)).toEqual([]);
  });

  it('has no piece of no text', () => {
    expect(piecesOf([], '')).toEqual([]);
  });
});
