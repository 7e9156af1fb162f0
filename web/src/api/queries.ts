/** The catalog and the listener's own lists, through React Query; what the server pushes is written into its cache. */
import {
  QueryClient,
  useInfiniteQuery,
  useMutation,
  useQuery,
  useQueryClient,
  type InfiniteData,
} from '@tanstack/react-query';
import { useEffect, useMemo } from 'react';
import { moved } from '../player/queue';
import { noteStream } from '../player/streams';
import { say } from '../app/notices';
import { mutations, queries, subscriptions } from './documents';
import { ApiError, asApiError } from './errors';
import { ask, command } from './graphql';
import { subscribe } from './live';
import type {
  Album,
  AlbumCard,
  AlbumSort,
  ArtistCard,
  Genre,
  Library,
  Lyrics,
  Page,
  Person,
  Playlist,
  PlaylistCard,
  Track,
} from './types';

const PAGE_SIZE = 100;
const RETRIES_MAX = 4;

export const queryClient = new QueryClient({
  defaultOptions: {
    queries: {
      staleTime: 30_000,
      refetchOnWindowFocus: false,
      retry: (count, error) => count < RETRIES_MAX && asApiError(error).isRetryable,
      retryDelay: (count) => Math.min(300 * 2 ** count, 5_000),
    },
    mutations: { onError: (error) => say(asApiError(error).code) },
  },
});

export function noteStreams(tracks: readonly Track[]): void {
  for (const track of tracks) if (track.stream !== undefined) noteStream(track.id, track.stream);
}

function found<T>(value: T | null): T {
  if (value === null) throw new ApiError('NOT_FOUND');
  return value;
}

/** All pages read so far as one list. */
function usePages<T>(key: readonly unknown[], load: (after: string | null) => Promise<Page<T>>) {
  const query = useInfiniteQuery<Page<T>, Error, InfiniteData<Page<T>>, readonly unknown[], string | null>({
    queryKey: key,
    queryFn: ({ pageParam }) => load(pageParam),
    initialPageParam: null,
    getNextPageParam: ({ pageInfo }) => (pageInfo.hasNextPage ? pageInfo.endCursor : undefined),
  });
  const items = useMemo(() => query.data?.pages.flatMap((it) => it.nodes) ?? [], [query.data]);
  return {
    items,
    total: query.data?.pages[0]?.totalCount ?? 0,
    isPending: query.isPending,
    error: query.error,
    refetch: query.refetch,
    hasMore: query.hasNextPage,
    loadMore: () => {
      if (query.hasNextPage && !query.isFetchingNextPage) void query.fetchNextPage();
    },
  };
}

export type Paged<T> = ReturnType<typeof usePages<T>>;

export function useAlbums(sort: AlbumSort, genre: string | null = null) {
  return usePages<AlbumCard>(['albums', sort, genre], async (after) => {
    const { albums } = await ask<{ albums: Page<AlbumCard> }>(queries.albums, { first: PAGE_SIZE, after, sort, genre });
    return albums;
  });
}

export function useArtists() {
  return usePages<ArtistCard>(['artists'], async (after) => {
    const { artists } = await ask<{ artists: Page<ArtistCard> }>(queries.artists, { first: PAGE_SIZE, after });
    return artists;
  });
}

export function useGenres() {
  return usePages<Genre>(['genres'], async (after) => {
    const { genres } = await ask<{ genres: Page<Genre> }>(queries.genres, { first: 500, after });
    return genres;
  });
}

export function useFavourites() {
  return usePages<Track>(['favourites'], async (after) => {
    const { favourites } = await ask<{ favourites: Page<Track> }>(queries.favourites, { first: PAGE_SIZE, after });
    noteStreams(favourites.nodes);
    return favourites;
  });
}

export function useTracks() {
  return usePages<Track>(['tracks'], async (after) => {
    const { tracks } = await ask<{ tracks: Page<Track> }>(queries.tracks, { first: PAGE_SIZE, after });
    noteStreams(tracks.nodes);
    return tracks;
  });
}

async function loadAlbum(id: string): Promise<Album> {
  const album = found((await ask<{ album: Album | null }>(queries.album, { id })).album);
  noteStreams(album.tracks);
  return album;
}

export function useAlbum(id: string) {
  return useQuery({ queryKey: ['album', id], queryFn: () => loadAlbum(id) });
}

/** For a play button on a cover. */
export function fetchAlbum(id: string): Promise<Album> {
  return queryClient.fetchQuery({ queryKey: ['album', id], queryFn: () => loadAlbum(id) });
}

export interface ArtistPage extends ArtistCard {
  albums: Page<AlbumCard>;
  tracks: Page<Track>;
}

export function useArtist(id: string) {
  return useQuery({
    queryKey: ['artist', id],
    queryFn: async () => {
      const artist = found((await ask<{ artist: ArtistPage | null }>(queries.artist, { id })).artist);
      noteStreams(artist.tracks.nodes);
      return artist;
    },
  });
}

export function useGenre(id: string) {
  return useQuery({
    queryKey: ['genre', id],
    queryFn: async () => found((await ask<{ genre: Genre | null }>(queries.genre, { id })).genre),
  });
}

export function useHistory() {
  return useQuery({
    queryKey: ['history'],
    queryFn: async () => {
      const { history } = await ask<{ history: { playedAt: string; track: Track }[] }>(queries.history);
      const tracks = history.map((it) => it.track);
      noteStreams(tracks);
      return tracks.filter((it, i) => tracks.findIndex((other) => other.id === it.id) === i);
    },
  });
}

export function useLyrics(trackId: string) {
  return useQuery({
    queryKey: ['lyrics', trackId],
    staleTime: 600_000,
    queryFn: async () => {
      const { track } = await ask<{ track: { lyrics: Lyrics | null } | null }>(queries.lyrics, { id: trackId });
      return track?.lyrics ?? null;
    },
  });
}

// The library and its scan.

export function useLibrary() {
  return useQuery({
    queryKey: ['library'],
    queryFn: async () => (await ask<{ library: Library }>(queries.library)).library,
  });
}

/** While the scan finds more, lists that show counts and newcomers are read again, but not at every file. */
export function useLiveLibrary(): void {
  const client = useQueryClient();
  useEffect(() => {
    let seen = '';
    let timer: ReturnType<typeof setTimeout> | undefined;
    const unsubscribe = subscribe<{ library: Library }>(subscriptions.library, {}, ({ library }) => {
      client.setQueryData(['library'], library);
      const now = `${library.trackCount} ${library.albumCount} ${library.scan.phase}`;
      if (seen !== '' && now !== seen)
        timer ??= setTimeout(() => {
          timer = undefined;
          for (const key of ['albums', 'artists', 'genres', 'tracks']) void client.invalidateQueries({ queryKey: [key] });
        }, 1_500);
      seen = now;
    });
    return () => {
      unsubscribe();
      clearTimeout(timer);
    };
  }, [client]);
}

function libraryCommand(mutation: string) {
  return async (variables: { path?: string }) => {
    const answer = await command<Record<string, Library>>(mutation, variables);
    const [library] = Object.values(answer);
    if (library !== undefined) queryClient.setQueryData(['library'], library);
  };
}

export function useAddRoot() {
  return useMutation({ mutationFn: libraryCommand(mutations.addLibraryRoot) });
}

export function useStartScan() {
  return useMutation({ mutationFn: libraryCommand(mutations.startScan) });
}

export function useCancelScan() {
  return useMutation({ mutationFn: libraryCommand(mutations.cancelScan) });
}

// Playlists.

export function usePlaylists() {
  return useQuery({
    queryKey: ['playlists'],
    queryFn: async () => (await ask<{ playlists: PlaylistCard[] }>(queries.playlists)).playlists,
  });
}

export function useLivePlaylists(): void {
  const client = useQueryClient();
  useEffect(
    () =>
      subscribe<{ playlists: PlaylistCard[] }>(subscriptions.playlists, {}, ({ playlists }) => {
        client.setQueryData(['playlists'], playlists);
      }),
    [client],
  );
}

const playlistKey = (id: string) => ['playlist', id] as const;

/** The rest of a long playlist, page after page. */
async function completed(playlist: Playlist): Promise<Playlist> {
  const nodes = [...playlist.entries.nodes];
  let info = playlist.entries.pageInfo;
  while (info.hasNextPage) {
    const { playlist: more } = await ask<{ playlist: Pick<Playlist, 'entries'> | null }>(queries.playlistEntries, {
      id: playlist.id,
      after: info.endCursor,
    });
    if (more === null || more.entries.nodes.length === 0) break;
    nodes.push(...more.entries.nodes);
    info = more.entries.pageInfo;
  }
  noteStreams(nodes.map((it) => it.track));
  return { ...playlist, entries: { ...playlist.entries, nodes } };
}

export function usePlaylist(id: string) {
  return useQuery({
    queryKey: playlistKey(id),
    queryFn: async () => completed(found((await ask<{ playlist: Playlist | null }>(queries.playlist, { id })).playlist)),
  });
}

/** Every edit, whoever makes it; `onGone` when it was deleted. */
export function useLivePlaylist(id: string, onGone: () => void): void {
  const client = useQueryClient();
  useEffect(() => {
    let isOpen = true;
    const unsubscribe = subscribe<{ playlist: Playlist }>(
      subscriptions.playlist,
      { id },
      ({ playlist }) => {
        void completed(playlist).then((whole) => {
          client.setQueryData<Playlist>(playlistKey(id), (old) =>
            old !== undefined && old.version > whole.version ? old : whole,
          );
        });
      },
      () => {
        if (isOpen) onGone();
      },
    );
    return () => {
      isOpen = false;
      unsubscribe();
    };
  }, [client, id, onGone]);
}

/** Shows an edit at once and takes it back when the server refuses it. */
function usePlaylistEdit<V>(id: string, mutation: string, edit: (playlist: Playlist, variables: V) => Playlist) {
  const client = useQueryClient();
  return useMutation({
    scope: { id: `playlist ${id}` },
    mutationFn: (variables: V) => command(mutation, { ...variables, id }),
    onMutate: (variables) => {
      client.setQueryData<Playlist>(playlistKey(id), (old) => (old === undefined ? old : edit(old, variables)));
    },
    onError: (error) => {
      say(asApiError(error).code);
      void client.invalidateQueries({ queryKey: playlistKey(id) });
    },
  });
}

export function useRenamePlaylist(id: string) {
  return usePlaylistEdit<{ name: string }>(id, mutations.renamePlaylist, (it, { name }) => ({ ...it, name }));
}

export function useSetPlaylistPublic(id: string) {
  return usePlaylistEdit<{ isPublic: boolean }>(id, mutations.setPlaylistPublic, (it, { isPublic }) => ({ ...it, isPublic }));
}

export function useMovePlaylistEntry(id: string) {
  return usePlaylistEdit<{ entryId: string; index: number }>(id, mutations.movePlaylistEntry, (it, { entryId, index }) => ({
    ...it,
    entries: { ...it.entries, nodes: moved(it.entries.nodes, entryId, index) },
  }));
}

export function useRemoveFromPlaylist(id: string) {
  return usePlaylistEdit<{ entryIds: string[] }>(id, mutations.removeFromPlaylist, (it, { entryIds }) => ({
    ...it,
    entryCount: it.entryCount - entryIds.length,
    entries: { ...it.entries, nodes: it.entries.nodes.filter((entry) => !entryIds.includes(entry.id)) },
  }));
}

export function useCreatePlaylist() {
  const client = useQueryClient();
  return useMutation({
    mutationFn: async (variables: { name: string; trackIds?: string[] }) =>
      (await command<{ createPlaylist: PlaylistCard }>(mutations.createPlaylist, variables)).createPlaylist,
    onSuccess: (created) => {
      client.setQueryData<PlaylistCard[]>(['playlists'], (old) => [
        created,
        ...(old ?? []).filter((it) => it.id !== created.id),
      ]);
    },
  });
}

export function useDeletePlaylist() {
  const client = useQueryClient();
  return useMutation({
    mutationFn: (id: string) => command(mutations.deletePlaylist, { id }),
    onMutate: (id) => {
      client.setQueryData<PlaylistCard[]>(['playlists'], (old) => old?.filter((it) => it.id !== id));
    },
    onError: (error) => {
      say(asApiError(error).code);
      void client.invalidateQueries({ queryKey: ['playlists'] });
    },
  });
}

export function useAddToPlaylist() {
  const client = useQueryClient();
  return useMutation({
    mutationFn: (variables: { id: string; trackIds: string[] }) => command(mutations.addToPlaylist, variables),
    onSuccess: (_, { id }) => client.invalidateQueries({ queryKey: playlistKey(id) }),
  });
}

// People.

/** Is it the listener? Not before the server has said who that is: the account's id is not that of the graph. */
export function useIsMe(id: string): boolean {
  const { data } = useQuery({
    queryKey: ['me'],
    staleTime: Infinity,
    queryFn: async () => (await ask<{ me: { id: string } }>(queries.me)).me.id,
  });
  return data === id;
}

const personKey = (id: string) => ['person', id] as const;

export function usePerson(id: string) {
  return useQuery({
    queryKey: personKey(id),
    queryFn: async () => found((await ask<{ user: Person | null }>(queries.person, { id })).user),
  });
}

/** Those that everybody may hear, of oneself, too. */
export function usePublicPlaylists(id: string) {
  return useQuery({
    queryKey: ['playlistsOf', id],
    queryFn: async () => (await ask<{ playlists: PlaylistCard[] }>(queries.playlistsOf, { id })).playlists.filter((it) => it.isPublic),
  });
}

export function useFollow(id: string) {
  const client = useQueryClient();
  return useMutation({
    scope: { id: `follow ${id}` },
    mutationFn: ({ isFollowed }: { isFollowed: boolean }) =>
      command<{ user: Person }>(isFollowed ? mutations.follow : mutations.unfollow, { userId: id }),
    onMutate: ({ isFollowed }) =>
      client.setQueryData<Person>(personKey(id), (old) => (old === undefined ? old : { ...old, isFollowed })),
    onSuccess: ({ user }) => client.setQueryData(personKey(id), user),
    onError: (error) => {
      say(asApiError(error).code);
      void client.invalidateQueries({ queryKey: personKey(id) });
    },
  });
}

// Favourites: the hearts that were pressed since their track was read.

export function useToggleFavourite() {
  const client = useQueryClient();
  return useMutation({
    mutationFn: (variables: { trackId: string; isFavourite: boolean }) => command(mutations.setFavourite, variables),
    onMutate: ({ trackId, isFavourite }) => noteFavourite(client, trackId, isFavourite),
    onError: (error, { trackId, isFavourite }) => {
      say(asApiError(error).code);
      noteFavourite(client, trackId, !isFavourite);
    },
    onSettled: () => client.invalidateQueries({ queryKey: ['favourites'] }),
  });
}

function noteFavourite(client: QueryClient, trackId: string, isFavourite: boolean): void {
  client.setQueryData(['favourite', trackId], isFavourite);
}

export function useIsFavourite(track: Pick<Track, 'id' | 'isFavourite'> | null): boolean {
  const { data } = useQuery<boolean>({
    queryKey: ['favourite', track?.id ?? ''],
    queryFn: () => track?.isFavourite ?? false,
    enabled: false,
    gcTime: Infinity,
  });
  return data ?? track?.isFavourite ?? false;
}

export function useLiveTracks(): void {
  const client = useQueryClient();
  useEffect(
    () =>
      subscribe<{ track: { id: string; isFavourite: boolean } }>(subscriptions.track, {}, ({ track }) => {
        noteFavourite(client, track.id, track.isFavourite);
        void client.invalidateQueries({ queryKey: ['favourites'] });
        void client.invalidateQueries({ queryKey: ['history'] });
      }),
    [client],
  );
}
