/** The search that runs. It outlives its page, so that who comes back to it sees at once what was there. */
import { useInfiniteQuery, keepPreviousData, useMutation, useQuery, type InfiniteData } from '@tanstack/react-query';
import { useMemo } from 'react';
import { create } from 'zustand';
import { mutations, queries, searchPages } from '../api/documents';
import { ask, command } from '../api/graphql';
import { noteStreams, queryClient } from '../api/queries';
import type { Facets, RecentSearch, Track } from '../api/types';
import { foundOf, GROUP_SHOWN, isDoubtful, KINDS, type Found, type Kind, type Pages, type SearchAnswer, type SearchMeta } from './answer';
import { Latest, NOTHING_ASKED, type Asked } from './latest';
import { isInLyrics, questionOf, writePlace, type Place } from './place';

/** What stands at the top is taken out of its group: there must be enough left. */
const TOP_SHOWN = 4;
const PAGE_SIZE = 60;

type Searched = Asked<Place, SearchAnswer>;

export const useSearched = create<Searched>(() => NOTHING_ASKED);

function noteFound(found: readonly Found[]): void {
  noteStreams(found.filter((it) => it.kind === 'tracks' || it.kind === 'lyrics').map((it) => it.node as Track));
}

/** Lyrics are looked through when the fingers rest: that takes longer than all names together. */
const REST_MS = 150;

type Sung = SearchMeta & Pick<Pages, 'lyrics'>;

async function withLines(place: Place, signal: AbortSignal, names: SearchAnswer): Promise<SearchAnswer> {
  const variables = { ...questionOf(place, Date.now()), shown: GROUP_SHOWN };
  const { search } = await ask<{ search: Sung }>(queries.searchLyrics, variables, signal);
  noteFound(foundOf('lyrics', search));
  return { ...names, lyrics: search.lyrics, isPartial: names.isPartial || search.isPartial };
}

/** Names at once, then the lines beside them. */
async function* load(place: Place, signal: AbortSignal, last: SearchAnswer | null): AsyncGenerator<SearchAnswer> {
  const startedAt = performance.now();
  const variables = { ...questionOf(place, Date.now()), shown: GROUP_SHOWN + TOP_SHOWN };
  const { search: names } = await ask<{ search: SearchAnswer }>(queries.search, variables, signal);
  noteFound(KINDS.flatMap((kind) => foundOf(kind, names)));
  const isSung = isInLyrics(place);
  // Where a line may be what is meant, nothing is shown that it would push away.
  if (isSung && isDoubtful(names)) yield await withLines(place, signal, names);
  else {
    // The lines of before stand until theirs are there.
    yield isSung && last?.lyrics !== undefined ? { ...names, lyrics: last.lyrics } : names;
    if (!isSung) return;
    await rest(REST_MS - (performance.now() - startedAt), signal);
    yield await withLines(place, signal, names);
  }
}

/** Over when the time is, or when the question has been cancelled. */
function rest(ms: number, signal: AbortSignal): Promise<void> {
  return new Promise((done) => {
    const timer = setTimeout(done, ms);
    const stop = () => {
      clearTimeout(timer);
      done();
    };
    signal.addEventListener('abort', stop, { once: true });
  });
}

export const searching = new Latest<Place, SearchAnswer>(load, (state) => useSearched.setState(state, true));

/** Tells questions apart. */
export function keyOfPlace(place: Place | null): string {
  return place === null ? '' : writePlace(place).toString();
}

/** Everything of one kind, as far as it was scrolled to. */
export function useFoundPages(kind: Kind, place: Place) {
  type Part = SearchMeta & Pick<Pages, Kind>;
  const query = useInfiniteQuery<Part, Error, InfiniteData<Part>, readonly unknown[], string | null>({
    queryKey: ['search', kind, keyOfPlace(place)],
    initialPageParam: null,
    placeholderData: keepPreviousData,
    queryFn: async ({ pageParam, signal }) => {
      const variables = { ...questionOf(place, Date.now()), first: PAGE_SIZE, after: pageParam };
      const { search } = await ask<{ search: Part }>(searchPages[kind], variables, signal);
      noteFound(foundOf(kind, search));
      return search;
    },
    getNextPageParam: (last) => {
      const { hasNextPage, endCursor } = last[kind].pageInfo;
      return hasNextPage ? endCursor : undefined;
    },
  });
  const items = useMemo(() => query.data?.pages.flatMap((it) => foundOf(kind, it)) ?? [], [query.data, kind]);
  const first = query.data?.pages[0];
  return {
    items,
    total: first?.[kind].totalCount ?? 0,
    meta: first ?? null,
    isPending: query.isPending,
    error: query.error,
    refetch: query.refetch,
    loadMore: () => {
      if (query.hasNextPage && !query.isFetchingNextPage) void query.fetchNextPage();
    },
  };
}

/** The counts for a filter's menu: of what there would be without that filter. */
export function useFacets(place: Place) {
  return useQuery({
    queryKey: ['facets', keyOfPlace(place)],
    placeholderData: keepPreviousData,
    queryFn: async ({ signal }) => {
      const { search } = await ask<{ search: { facets: Facets } }>(queries.facets, questionOf(place, Date.now()), signal);
      return search.facets;
    },
  });
}

// What was searched for before.

const RECENT_KEY = ['recentSearches'];
interface Recent {
  recentSearches: RecentSearch[];
}

export function useRecentSearches() {
  return useQuery({
    queryKey: RECENT_KEY,
    queryFn: async () => (await ask<Recent>(queries.recentSearches)).recentSearches,
  });
}

/** They may have been forgotten. */
export function rereadRecent(): void {
  void queryClient.invalidateQueries({ queryKey: RECENT_KEY });
}

function takeRecent({ recentSearches }: Recent): void {
  queryClient.setQueryData<RecentSearch[]>(RECENT_KEY, recentSearches);
}

export function useRemoveRecent() {
  return useMutation({
    mutationFn: (variables: { query: string }) => command<Recent>(mutations.removeRecentSearch, variables),
    onMutate: ({ query }) =>
      queryClient.setQueryData<RecentSearch[]>(RECENT_KEY, (old) => old?.filter((it) => it.query !== query)),
    onSuccess: takeRecent,
  });
}

export function useClearRecent() {
  return useMutation({
    mutationFn: () => command<Recent>(mutations.clearRecentSearches),
    onMutate: () => queryClient.setQueryData<RecentSearch[]>(RECENT_KEY, []),
    onSuccess: takeRecent,
  });
}

/** Something was chosen of what these words found. Whether it is remembered is no matter for the listener. */
export function noteSearch(text: string): void {
  const query = text.trim();
  if (query !== '') command<Recent>(mutations.noteSearch, { query }).then(takeRecent, () => undefined);
}
