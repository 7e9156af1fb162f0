import { describe, expect, it } from 'vitest';
import { filterInput, isIdle, isInLyrics, NO_FILTER, questionOf, readPlace, toggled, writePlace, type Filter, type Place } from './place';

const read = (text: string) => readPlace(new URLSearchParams(text));
const write = (place: Place) => writePlace(place).toString();
const filtered = (filter: Partial<Filter>): Filter => ({ ...NO_FILTER, ...filter });
const NOW = Date.parse('2026-11-23T09:40:12.345Z');

describe('the address of a search', () => {
  it.each<[string, Place]>([
    ['', { text: '', isExact: false, filter: NO_FILTER }],
    ['q=caf%C3%A9+au+lait', { text: 'café au lait', isExact: false, filter: NO_FILTER }],
    ['q=%26%3D%23+%25', { text: '&=# %', isExact: false, filter: NO_FILTER }],
    ['q=a&exact=1', { text: 'a', isExact: true, filter: NO_FILTER }],
    ['genre=Rock&genre=R%26B', { text: '', isExact: false, filter: filtered({ genres: ['Rock', 'R&B'] }) }],
    [
      'q=x&mood=Calm&language=ja&format=FLAC&era=1980&popular=50&added=30d&favourites=1',
      {
        text: 'x',
        isExact: false,
        filter: filtered({
          moods: ['Calm'],
          languages: ['ja'],
          formats: ['FLAC'],
          era: 1980,
          popularity: 50,
          added: '30d',
          isFavourite: true,
        }),
      },
    ],
  ])('"%s" is read and written alike', (text, place) => {
    expect(read(text)).toEqual(place);
    expect(write(place)).toBe(text);
  });

  it.each([
    ['era=1985', ''],
    ['era=198x', ''],
    ['era=0010', ''],
    ['popular=49', ''],
    ['popular=1e9', ''],
    ['added=2d', ''],
    ['added=toString', ''],
    ['favourites=yes', ''],
    ['exact=1', ''],
    ['genre=', ''],
    ['genre=Rock&genre=Rock', 'genre=Rock'],
    [`genre=${'x'.repeat(201)}`, ''],
    [`q=${'x'.repeat(300)}`, `q=${'x'.repeat(200)}`],
  ])('"%s" makes no sense, and counts as "%s"', (text, sense) => {
    expect(write(read(text))).toBe(sense);
  });

  it('takes 32 values of a list and no more', () => {
    const text = Array.from({ length: 40 }, (_, i) => `genre=${i}`).join('&');

    expect(read(text).filter.genres).toHaveLength(32);
    expect(toggled(read(text).filter.genres, 'new')).toHaveLength(32);
  });
});

describe('isIdle', () => {
  it.each([
    ['', true],
    ['q=++', true],
    ['q=a', false],
    ['favourites=1', false],
  ])('"%s": %s', (text, want) => {
    expect(isIdle(read(text))).toBe(want);
  });
});

describe('toggled', () => {
  it('takes a value in and out', () => {
    expect(toggled(['a', 'b'], 'c')).toEqual(['a', 'b', 'c']);
    expect(toggled(['a', 'b'], 'a')).toEqual(['b']);
  });
});

describe('isInLyrics', () => {
  it.each([
    ['', false],
    ['q=a', false],
    ['q=+ab+', false],
    ['q=abc', true],
    ['q=愛', true],
    ['q=あ', true],
    ['q=사', true],
    ['genre=Rock', false],
  ])('"%s": %s', (text, want) => {
    expect(isInLyrics(read(text))).toBe(want);
  });
});

describe('what the server is asked', () => {
  it('has no filter where none is set', () => {
    expect(questionOf(read('q=+night+tr'), NOW)).toEqual({ query: 'night tr', typing: true, exact: false, filter: null });
  });

  it('says that a word is whole once a blank stands behind it, or where it is meant exactly', () => {
    expect(questionOf(read('q=night+'), NOW)).toMatchObject({ query: 'night', typing: false });
    expect(questionOf(read('q=night&exact=1'), NOW)).toMatchObject({ typing: false, exact: true });
  });

  it('names a decade by its years, and what is new by the hour', () => {
    expect(filterInput(filtered({ era: 1980, popularity: 75, added: '7d', moods: ['Calm'], isFavourite: true }), NOW)).toEqual({
      moods: ['Calm'],
      yearFrom: 1980,
      yearTo: 1989,
      popularityMin: 75,
      addedSince: '2026-11-16T09:00:00.000Z',
      favouritesOnly: true,
    });
  });
});
