/**
 * What is searched for, as it stands in the page's address: shareable, and where "back" goes.
 * `?q=words&exact=1&genre=Rock&genre=Pop&era=1980&popular=50&added=30d&favourites=1`: what is not there is not set, and
 * what makes no sense is as if it were not there.
 */
export const ADDED_DAYS = { '7d': 7, '30d': 30, '90d': 90, '365d': 365 } as const;
export type Added = keyof typeof ADDED_DAYS;
/** At least so popular, of 100. */
export const POPULARITIES = [25, 50, 75] as const;

/** Of a track any of these values. */
export const LISTS = ['genres', 'moods', 'languages', 'formats'] as const;
export type List = (typeof LISTS)[number];

export interface Filter extends Record<List, string[]> {
  /** The first year of a decade. */
  era: number | null;
  popularity: number;
  added: Added | null;
  isFavourite: boolean;
}

export interface Place {
  text: string;
  /** As it is typed: no corrections. */
  isExact: boolean;
  filter: Filter;
}

export const NO_FILTER: Filter = {
  genres: [],
  moods: [],
  languages: [],
  formats: [],
  era: null,
  popularity: 0,
  added: null,
  isFavourite: false,
};

export const TEXT_MAX = 200;
const VALUES_MAX = 32;
const VALUE_SIZE_MAX = 200;
const YEAR_MIN = 1000;
const YEAR_MAX = 2990;
const NAMES: Record<List, string> = { genres: 'genre', moods: 'mood', languages: 'language', formats: 'format' };

function isAdded(text: string | null): text is Added {
  return text !== null && Object.hasOwn(ADDED_DAYS, text);
}

function readList(params: URLSearchParams, name: string): string[] {
  const values = params.getAll(name).filter((it) => it !== '' && it.length <= VALUE_SIZE_MAX);
  return [...new Set(values)].slice(0, VALUES_MAX);
}

function readEra(text: string | null): number | null {
  const year = text !== null && /^\d{3}0$/.test(text) ? Number(text) : 0;
  return year >= YEAR_MIN && year <= YEAR_MAX ? year : null;
}

export function readPlace(params: URLSearchParams): Place {
  const text = (params.get('q') ?? '').slice(0, TEXT_MAX);
  const added = params.get('added');
  const popularity = Number(params.get('popular'));
  return {
    text,
    isExact: text !== '' && params.get('exact') === '1',
    filter: {
      genres: readList(params, NAMES.genres),
      moods: readList(params, NAMES.moods),
      languages: readList(params, NAMES.languages),
      formats: readList(params, NAMES.formats),
      era: readEra(params.get('era')),
      popularity: POPULARITIES.find((it) => it === popularity) ?? 0,
      added: isAdded(added) ? added : null,
      isFavourite: params.get('favourites') === '1',
    },
  };
}

/** The same place gives the same text: it also tells questions apart. */
export function writePlace({ text, isExact, filter }: Place): URLSearchParams {
  const params = new URLSearchParams();
  if (text !== '') params.set('q', text);
  if (isExact && text !== '') params.set('exact', '1');
  for (const list of LISTS) for (const value of filter[list]) params.append(NAMES[list], value);
  if (filter.era !== null) params.set('era', String(filter.era));
  if (filter.popularity > 0) params.set('popular', String(filter.popularity));
  if (filter.added !== null) params.set('added', filter.added);
  if (filter.isFavourite) params.set('favourites', '1');
  return params;
}

export function isFiltered(filter: Filter): boolean {
  return writePlace({ text: '', isExact: false, filter }).size > 0;
}

/** Neither words nor a filter: there is nothing to ask. */
export function isIdle({ text, filter }: Place): boolean {
  return text.trim() === '' && !isFiltered(filter);
}

export function toggled(values: readonly string[], value: string): string[] {
  return values.includes(value) ? values.filter((it) => it !== value) : [...values, value].slice(-VALUES_MAX);
}

const DAY_MS = 86_400_000;
const HOUR_MS = 3_600_000;

/** As the server takes it; null: nothing is filtered. */
export function filterInput(filter: Filter, now: number): Record<string, unknown> | null {
  if (!isFiltered(filter)) return null;
  // Whole hours: pages of one list must not differ in what is new.
  const since = (days: number) => new Date(Math.floor(now / HOUR_MS) * HOUR_MS - days * DAY_MS).toISOString();
  return {
    ...Object.fromEntries(LISTS.filter((it) => filter[it].length > 0).map((it) => [it, filter[it]])),
    ...(filter.era === null ? {} : { yearFrom: filter.era, yearTo: filter.era + 9 }),
    ...(filter.popularity === 0 ? {} : { popularityMin: filter.popularity }),
    ...(filter.added === null ? {} : { addedSince: since(ADDED_DAYS[filter.added]) }),
    ...(filter.isFavourite ? { favouritesOnly: true } : {}),
  };
}

const LETTERS_MIN = 3;

/** Nearly every song sings a letter: lines are looked for from three on. A character of Chinese or a kana says more. */
export function isInLyrics({ text }: Place): boolean {
  return [...text.trim()].length >= LETTERS_MIN || /[\p{sc=Han}\p{sc=Hira}\p{sc=Kana}\p{sc=Hang}]/u.test(text);
}

/** What the server is asked with. A blank behind the last word says that it does not go on. */
export function questionOf(place: Place, now: number): Record<string, unknown> {
  return {
    query: place.text.trim(),
    typing: !place.isExact && !/\s$/.test(place.text),
    exact: place.isExact,
    filter: filterInput(place.filter, now),
  };
}
